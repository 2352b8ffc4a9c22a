import { render } from 'preact';
import { App } from './app';
import { startI18n } from './i18n';
import { startLive } from './live';
import { startRouter } from './router';
import { resume, takeKeyFromAddress } from './session';
import { startTheme } from './theme';
import './styles/tokens.css';
import './styles/base.css';
import './styles/parts.css';

startTheme();
startI18n();
const settled = takeKeyFromAddress() ?? resume(); // the form is not shown to who is signed in
startRouter();
void settled.then(() => {
    startLive();
    render(<App />, document.getElementById('app')!);
});
