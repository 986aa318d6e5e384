// Keeps the drawing in the address without a step in the browser's way back. A button copies the
// address; browsers let a page do so only over https or on the machine itself, and elsewhere it
// stays unseen.
{
  const code = CODE, address = new URL(location.href); // filled in, turn TURN
  if ((address.searchParams.get("drawing") ?? "") !== code) {
    if (code) address.searchParams.set("drawing", code);
    else address.searchParams.delete("drawing");
    history.replaceState(history.state, "", address);
  }
  const button = document.querySelector(".dn-copy");
  if (button && navigator.clipboard) {
    button.hidden = !code;
    button.onclick = async () => {
      const shared = new URL(location.href);
      shared.searchParams.delete("code"); // in a class it is the visitor's own
      await navigator.clipboard.writeText(shared);
      button.classList.add("dn-copied");
      setTimeout(() => button.classList.remove("dn-copied"), 2000);
    };
  }
}
