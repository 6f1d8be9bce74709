/** Making elements, and keeping lists of them in order. */

type Child = Node | string | undefined | false;
type Props = Record<string, string | number | boolean | undefined | ((event: never) => void)>;

/** An element: `on…` are listeners, `true` is a bare attribute, `false` and `undefined` are none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as unknown as EventListener);
    } else attribute(element, name, value);
  }
  element.append(...children.filter((child) => child !== undefined && child !== false));
  return element;
}

/** Sets or removes an attribute, touching the page only where it differs. */
export function attribute(
  element: Element,
  name: string,
  value: string | number | boolean | undefined,
): void {
  if (value === undefined || value === false) element.removeAttribute(name);
  else {
    const text = value === true ? "" : String(value);
    if (element.getAttribute(name) !== text) element.setAttribute(name, text);
  }
}

/** Sets the text of an element, touching the page only where it differs. */
export function text(element: Element, value: string): void {
  if (element.textContent !== value) element.textContent = value;
}

const drawn = new Map<string, Node>();

/** A drawing from markup of our own; what people write never comes here. Parsed once, then copied. */
export function drawing(viewBox: string, markup: string, className: string): SVGElement {
  let first = drawn.get(markup);
  if (!first) {
    const holder = document.createElement("template");
    holder.innerHTML = `<svg viewBox="${viewBox}" aria-hidden="true" focusable="false">${markup}</svg>`;
    drawn.set(markup, (first = holder.content.firstChild as Node));
  }
  const svg = document.importNode(first, true) as SVGElement;
  svg.setAttribute("class", className);
  return svg;
}

/** Words only screen readers get. */
export const unseen = (words: string): HTMLElement => h("span", { class: "unseen" }, words);

/** Makes `parent` hold exactly `nodes`, moving as few as it can and keeping the focus. */
export function arrange(parent: Element, nodes: readonly Element[]): void {
  const keep = new Set(nodes);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  const focused = document.activeElement;
  let there = parent.firstElementChild;
  for (const node of nodes) {
    if (there === node) there = there.nextElementSibling;
    else parent.insertBefore(node, there);
  }
  if (focused instanceof HTMLElement && focused !== document.activeElement) {
    if (parent.contains(focused)) focused.focus({ preventScroll: true });
  }
}
