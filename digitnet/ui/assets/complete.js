// Has the address tell what the page knows, without a step in the browser's way back.
{
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(COMPLETED)) { // filled in
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  history.replaceState(history.state, "", address);
}
