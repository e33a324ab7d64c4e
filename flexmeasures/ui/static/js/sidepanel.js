// Side panels: a label and, after it, a panel (class left-sidepanel) in a sidepanel-container. The
// style sheet opens them while the pointer is over them; a click, a key or a swipe opens them for good.

const SWIPE = 60; // pixels

for (const label of document.querySelectorAll(".left-sidepanel-label")) {
  const panel = label.parentElement.querySelector(".left-sidepanel");
  label.setAttribute("aria-expanded", String(panel.classList.contains("sidepanel-show")));
  label.addEventListener("click", () => toggle(label, panel));
  panel.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    toggle(label, panel, false);
    label.focus();
  });
}

document.addEventListener("click", (event) => {
  if (!event.target.closest(".sidepanel-container") && event.target.isConnected) closeAll();
});

let start = null;
document.addEventListener("touchstart", (event) => (start = event.changedTouches[0]), { passive: true });
document.addEventListener("touchend", (event) => {
  const end = event.changedTouches[0];
  const right = end.clientX - start.clientX;
  if (Math.abs(right) < SWIPE || Math.abs(end.clientY - start.clientY) > SWIPE) return;
  const first = document.querySelector(".left-sidepanel-label");
  if (right < 0) closeAll();
  else if (first && start.clientX < SWIPE) toggle(first, first.parentElement.querySelector(".left-sidepanel"), true);
});

function toggle(label, panel, open = !panel.classList.contains("sidepanel-show")) {
  closeAll();
  panel.classList.toggle("sidepanel-show", open);
  label.setAttribute("aria-expanded", String(open));
}

function closeAll() {
  if (innerWidth < 992) return; // there, panels are part of the page
  for (const panel of document.querySelectorAll(".left-sidepanel.sidepanel-show")) {
    panel.classList.remove("sidepanel-show");
    panel.parentElement.querySelector(".left-sidepanel-label").setAttribute("aria-expanded", "false");
  }
}
