// Tells the server which clock the reader goes by: the next page says times by
// it.
const name = document.querySelector('script[data-zone]').dataset.zone;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const pair = `${name}=${zone}`;
if (zone && !document.cookie.split('; ').includes(pair)) {
  const secure = name.startsWith('__Host-') ? '; Secure' : '';
  document.cookie = `${pair}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
}
