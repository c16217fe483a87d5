// Remembers the level that was chosen, in a cookie of this page's own server, for the next visit. {level}: its name.

export default function ({ data }) {
  const folder = new URL("./", document.baseURI).pathname;
  document.cookie = `forgetscope_level=${encodeURIComponent(data.level)}; path=${folder}; max-age=31536000; SameSite=Strict`;
}
