// Everything that can be said about the code without running it: `npm run check`.
import { checkSteps } from './check-steps.ts';
import { finish, runSteps } from './steps.ts';

finish(await runSteps(checkSteps, Date.now() + 10 * 60_000));
