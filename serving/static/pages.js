// Menu on a phone, focus on an error summary, no double submission, and a word before a session ends.
// Every page works without it.
import { initAll } from "./govuk-frontend-6.3.0.min.js";

initAll();

const ending = document.getElementById("session-end");
if (ending) {
  const warned = Number(ending.dataset.warned);
  const tell = (seconds) =>
    setTimeout(() => { ending.hidden = false; }, Math.max(seconds - warned, 0) * 1000);
  tell(Number(ending.dataset.seconds));
  // the service answers with nothing, so the page and what is written on it stay as they are
  ending.querySelector("form")?.addEventListener("submit", () => {
    ending.hidden = true;
    ending.querySelector("form").hidden = true;
    tell(Number(ending.dataset.extended));
  }, { once: true });
}
