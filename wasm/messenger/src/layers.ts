/** Escape closes what opened last, whatever it is. */

const layers: { name: unknown; close: () => void }[] = [];

/** `name` opened; opening again brings it to the top. */
export function opened(name: unknown, close: () => void): void {
  closed(name);
  layers.push({ name, close });
}

/** `name` was closed, by Escape or otherwise. */
export function closed(name: unknown): void {
  const at = layers.findIndex((layer) => layer.name === name);
  if (at >= 0) layers.splice(at, 1);
}

export function forgetLayers(): void {
  layers.length = 0;
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
  // A dialog closes itself.
  if (document.querySelector("dialog[open]")) return;
  const layer = layers.pop();
  if (!layer) return;
  event.preventDefault();
  layer.close();
});
