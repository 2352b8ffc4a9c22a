import { render } from 'preact';
import { App } from './app';
import { startI18n } from './i18n';
import { startLive } from './live';
import { startRouter } from './router';
import { takeKeyFromAddress } from './session';
import { startTheme } from './theme';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';

startTheme();
startI18n();
takeKeyFromAddress();
startRouter();
startLive();
render(<App />, document.getElementById('app')!);
