// A button that copies the text beside it. It is there only where it works.
for (const button of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    const said = button.querySelector('[data-said]');
    said.textContent = said.dataset.said;
  });
}
