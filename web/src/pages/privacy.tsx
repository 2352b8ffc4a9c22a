// What is done with people's data: one person's export, erasure and consents, how long events are
// kept, and the log of who changed what.
import { AuditLog } from './audit';
import { Consent } from './consent';
import { ErasePerson, ExportPerson } from './person';
import { Retention } from './retention';

export function Privacy() {
    return (
        <>
            <div class="columns">
                <ExportPerson />
                <ErasePerson />
            </div>
            <Consent />
            <Retention />
            <AuditLog />
        </>
    );
}
