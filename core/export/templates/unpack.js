// Plotly's script, which lies packed in the file, unpacked once.
async function unpacked() {
  const packed = Uint8Array.from(atob(document.getElementById('plotly').textContent.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  document.head.append(script);
}
