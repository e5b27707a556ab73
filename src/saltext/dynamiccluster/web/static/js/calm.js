// Nothing is exchanged under a pressed pointer, where a click would be lost, nor under a selection that is about to be copied.

let pressed = false;
const waiting = new Map(); // what is to be changed, by element; only the newest change counts

/** Change an element now, or as soon as nobody holds on to it. */
export function whenCalm(element, change) {
  if (isHeld(element)) waiting.set(element, change);
  else {
    waiting.delete(element);
    change();
  }
}

function isHeld(element) {
  if (pressed) return true;
  const selection = getSelection();
  return !selection.isCollapsed && element.contains(selection.anchorNode);
}

function release() {
  for (const [element, change] of [...waiting]) if (!isHeld(element)) (waiting.delete(element), element.isConnected && change());
}

function letGo() {
  pressed = false;
  setTimeout(release); // after the click that this ends
}

addEventListener("pointerdown", () => (pressed = true), true);
addEventListener("pointerup", letGo, true);
addEventListener("pointercancel", letGo, true);
document.addEventListener("selectionchange", () => waiting.size && setTimeout(release));
