// Shows one of several figures; buttons below lead to the others. It moves on by itself until somebody
// takes over, or if less motion is preferred, not at all.

const PAUSE = 7000; // milliseconds

for (const carousel of document.querySelectorAll("[data-carousel]")) {
  const slides = [...carousel.children];
  const dots = document.createElement("div");
  dots.className = "carousel-dots";
  slides.forEach((_, number) => {
    const dot = document.createElement("button");
    dot.type = "button";
    dot.setAttribute("aria-label", `Picture ${number + 1} of ${slides.length}`);
    dot.addEventListener("click", () => {
      clearInterval(timer);
      show(number);
    });
    dots.append(dot);
  });
  carousel.append(dots);
  let current = 0;
  show(0);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const timer = still ? 0 : setInterval(() => show((current + 1) % slides.length), PAUSE);
  for (const event of ["pointerenter", "focusin"]) {
    carousel.addEventListener(event, () => clearInterval(timer), { once: true });
  }

  function show(number) {
    current = number;
    slides.forEach((slide, index) => (slide.hidden = index !== number));
    [...dots.children].forEach((dot, index) => dot.setAttribute("aria-current", index === number));
  }
}
