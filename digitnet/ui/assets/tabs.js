// In a class, a page that is opened in another tab is the same visitor's: its link carries the code.
{
  const carry = ({target}) => {
    const code = new URL(location.href).searchParams.get("code");
    const link = target.closest?.("a[href]");
    if (!code || link?.origin !== location.origin) return;
    const address = new URL(link.href);
    address.searchParams.set("code", code);
    link.href = address;
  };
  if (!window.digitnetTabs) {
    window.digitnetTabs = true;
    for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, carry, {capture: true});
  }
}
