// Keeps the owner of a class signed in over a reload, in this browser and until it is closed; or
// forgets it. No other site has the browser send the cookie here.
{
  const place = location.pathname.replace(/[^/]*\/?$/, ""); // where the app is
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = COOKIE + `; Path=${place}; SameSite=Strict${secure}`; // filled in
}
