// Keeps the drawing in the address without a step in the browser's way back. A button copies the
// address, without the code by which a class knows a visitor.
{
  const code = CODE, address = new URL(location.href); // filled in
  if ((address.searchParams.get("drawing") ?? "") !== code) {
    if (code) address.searchParams.set("drawing", code);
    else address.searchParams.delete("drawing");
    history.replaceState(history.state, "", address);
  }
  const copy = (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    // Over plain http, unless it is of this machine, there is only the old way.
    const field = Object.assign(document.createElement("textarea"), {value: text});
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  };
  const button = document.querySelector(".dn-copy");
  if (button) {
    button.hidden = !code;
    button.onclick = async () => {
      const shared = new URL(location.href);
      shared.searchParams.delete("code"); // in a class it is the visitor's own
      await copy(shared.href);
      button.classList.add("dn-copied");
      setTimeout(() => button.classList.remove("dn-copied"), 2000);
    };
  }
}
