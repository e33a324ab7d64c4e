// Small things on all pages, by attributes of elements:
//   data-history-back      a link that leads back
//   data-copy="#id"        a button that copies the text of an element
//   data-auto-submit       a form that is sent when one of its fields changes
//   data-confirm="text"    a form or link that asks first

const KEPT = 3000; // milliseconds

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-history-back]");
  if (link && history.length > 1) {
    event.preventDefault();
    history.back();
  }
  const asking = event.target.closest("a[data-confirm], button[data-confirm]");
  if (asking && !confirm(asking.dataset.confirm)) event.preventDefault();
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !confirm(question)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  event.target.closest("form[data-auto-submit]")?.requestSubmit();
});

for (const button of document.querySelectorAll("[data-copy]")) {
  const before = button.textContent;
  button.addEventListener("click", async () => {
    const source = document.querySelector(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      // Browsers do not let pages without HTTPS do it: people copy what is marked.
      getSelection().selectAllChildren(source);
      button.textContent = "Marked: press Ctrl+C";
    }
    setTimeout(() => (button.textContent = before), KEPT);
  });
}

// Icons stay marked for a while after the pointer has left them.
for (const icon of document.querySelectorAll("i")) {
  icon.addEventListener("mouseenter", () => {
    icon.classList.add("over");
    setTimeout(() => icon.classList.remove("over"), KEPT);
  });
}
