// Menu on a phone, focus on an error summary, no double submission. Every page works without it.
import { initAll } from "./govuk-frontend-6.3.0.min.js";

initAll();
