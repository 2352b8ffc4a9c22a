// What is done with people's data: one person's export, erasure and consents, how long events are
// kept, and the log of who changed what.
import { useState } from 'preact/hooks';
import { AuditLog } from './audit';
import { Consent } from './consent';
import { ErasePerson, ExportPerson } from './person';
import { Requests } from './requests';
import { Retention } from './retention';

export function Privacy() {
    const [turn, setTurn] = useState(0);

    return (
        <>
            <div class="columns">
                <ExportPerson />
                <ErasePerson erased={() => setTurn((n) => n + 1)} />
            </div>
            <Requests turn={turn} />
            <Consent />
            <Retention />
            <AuditLog />
        </>
    );
}
