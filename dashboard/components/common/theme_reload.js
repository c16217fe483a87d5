// Says that the page was drawn for another theme than the one it is shown in. {drawn}: the theme that it was drawn for.
//
// Streamlit calls the function below when it is first shown, with other data, and after a change of theme, of which it tells the
// server nothing by itself. A script that runs is let run to its end, for a new run would break it off; and what is said while the
// server is away is never heard.

const PAUSE = 300; // milliseconds between looks
let told = null; // one message a change, whatever comes of it

export default function ({ data, setTriggerValue }) {
  const app = document.querySelector("[data-testid=stApp]");
  let waiting = 0;

  function look() {
    const shown = getComputedStyle(app).colorScheme;
    if (shown === data.drawn) {
      told = null;
    } else if (app.dataset.testScriptState !== "notRunning" || app.dataset.testConnectionState !== "CONNECTED") {
      waiting = setTimeout(look, PAUSE);
    } else if (shown !== told) {
      told = shown;
      setTriggerValue("theme", shown);
    }
  }

  look();
  return () => clearTimeout(waiting);
}
