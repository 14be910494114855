// A button that copies the text beside it. It is there only where it works.
for (const button of document.querySelectorAll('[data-copy]')) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    button.querySelector('[data-said]').textContent = button.querySelector('[data-said]').dataset.said || 'Copied';
  });
}
