// A button that copies the address of the view: page, run, tab, image, sliders and level stand in it. {level}: its name; an address
// leaves it out where it is the default, but whoever gets the link may prefer another.
//
// Browsers let a page write to the clipboard on this machine and over https alone; elsewhere the address is selected in a field.

const ends = new WeakMap(); // place on the page -> what undoes what stands there: another theme calls once more

function view(level) {
  const address = new URL(location.href);
  address.searchParams.set("level", level);
  return address.href;
}

export default function ({ parentElement, data }) {
  ends.get(parentElement)?.();
  const button = document.createElement("button"), field = document.createElement("input");
  button.className = "forgetscope-copy";
  button.textContent = "Copy link to this view";
  field.className = "forgetscope-copy-field";
  field.readOnly = true;
  field.hidden = true;
  field.setAttribute("aria-label", "Link to this view");
  const said = document.createElement("span");
  said.setAttribute("role", "status");
  parentElement.append(button, said, field);
  let waiting = 0;

  button.addEventListener("click", async () => {
    clearTimeout(waiting);
    try {
      await navigator.clipboard.writeText(view(data.level));
      said.textContent = " copied";
      field.hidden = true;
    } catch {
      field.value = view(data.level);
      field.hidden = false;
      field.select();
      said.textContent = " press Ctrl+C";
    }
    waiting = setTimeout(() => { said.textContent = ""; }, 4000);
  });
  const end = () => {
    clearTimeout(waiting);
    [button, said, field].forEach((part) => part.remove());
    ends.delete(parentElement);
  };
  ends.set(parentElement, end);
  return end;
}
