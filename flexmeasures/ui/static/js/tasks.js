// The page about tasks stays up to date: its parts (data-live) are loaded again while the switch is
// on and somebody looks.

const live = document.querySelector("input[data-poll]");

async function update() {
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = page.querySelector(`[data-live="${part.dataset.live}"]`);
    if (newer && isFree(part)) replace(part, newer);
  }
}

// Somebody who is about to press a button, or marks text, is not disturbed.
function isFree(part) {
  const selection = getSelection();
  const marked = selection && !selection.isCollapsed && part.contains(selection.anchorNode);
  const focused = document.activeElement;
  return !marked && (!part.contains(focused) || focused.matches("summary"));
}

// What is opened stays open, and who is there stays there.
function replace(part, newer) {
  const opened = [...part.querySelectorAll("details[open]")].map((details) => details.id);
  for (const details of newer.querySelectorAll("details")) details.open = opened.includes(details.id);
  if (newer.innerHTML === part.innerHTML) return;
  const focused = part.contains(document.activeElement) && document.activeElement.parentElement.id;
  part.replaceChildren(...newer.childNodes);
  if (focused) document.getElementById(focused)?.querySelector("summary").focus();
}

async function watch() {
  if (live.checked && !document.hidden) {
    try {
      await update();
    } catch {
      // The server may be back next time.
    }
  }
  setTimeout(watch, Math.max(1000, Number(live.dataset.poll)));
}

if (live) setTimeout(watch, Math.max(1000, Number(live.dataset.poll)));
