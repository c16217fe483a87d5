// Says that the page was drawn for another theme than the one it is shown in. {drawn}: the theme that it was drawn for.
//
// Streamlit calls the function below when it is first shown, with other data, and after a change of theme, of which it tells the
// server nothing by itself.

let told = null; // one message a change, whatever comes of it

export default function ({ data, setTriggerValue }) {
  const app = document.querySelector("[data-testid=stApp]");
  const shown = app ? getComputedStyle(app).colorScheme : data.drawn;
  if (shown === data.drawn) told = null;
  else if (shown !== told) {
    told = shown;
    setTriggerValue("theme", shown);
  }
}
