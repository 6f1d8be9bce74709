/** Scenes: the one colour a person picks. It stays on this device. */
import { h } from "./dom.js";
import type { Item } from "./menu.js";

const SCENES = { sky: "Sky", violet: "Violet", rose: "Rose", leaf: "Leaf", sand: "Sand", stone: "Stone" };
const KEY = "presently-scene";

const known = (scene: string | null): scene is keyof typeof SCENES => !!scene && scene in SCENES;

export function restoreScene(): void {
  try {
    const scene = localStorage.getItem(KEY);
    if (known(scene)) document.documentElement.dataset["scene"] = scene;
  } catch {
    // Storage may be forbidden; then it is the first scene.
  }
}

export function scenes(): Item[] {
  return Object.entries(SCENES).map(([scene, label]) => ({
    label,
    sign: h("span", { class: "swatch", "data-scene": scene }),
    checked: document.documentElement.dataset["scene"] === scene,
    act: () => {
      document.documentElement.dataset["scene"] = scene;
      try {
        localStorage.setItem(KEY, scene);
      } catch {
        // It holds until the page is closed.
      }
    },
  }));
}
