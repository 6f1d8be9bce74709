/** The few signs of the page, drawn on a grid of 20. */
import { drawing } from "./dom.js";

const SIGNS = {
  add: '<path d="M10 4v12M4 10h12"/>',
  back: '<path d="M12.500 4.500 7 10l5.500 5.500"/>',
  close: '<path d="m5.500 5.500 9 9m0-9-9 9"/>',
  search: '<circle cx="9" cy="9" r="4.800"/><path d="m12.800 12.800 3.700 3.700"/>',
  chevron: '<path d="m6 8 4 4 4-4"/>',
  more: '<g class="dots"><circle cx="4.500" cy="10" r="1.400"/><circle cx="10" cy="10" r="1.400"/><circle cx="15.500" cy="10" r="1.400"/></g>',
  scene: '<path d="M10 3.500c3 3.400 4.800 5.800 4.800 8.200a4.800 4.800 0 0 1-9.600 0C5.200 9.300 7 6.900 10 3.500z"/><path d="M7.600 12.200c.2 1.300 1 2 2.200 2.200"/>',
  send: '<path d="M3.500 10.200 16.500 4l-4.200 12.500-3-5zM9.300 11.500 16.500 4"/>',
  beside: '<rect x="3.500" y="4.500" width="5.600" height="11" rx="1.200"/><rect x="10.900" y="4.500" width="5.600" height="11" rx="1.200"/>',
  tabs: '<path d="M3.500 8V5.700c0-.7.500-1.200 1.200-1.200h3.600c.6 0 1.200.5 1.200 1.200V8"/><rect x="3.500" y="8" width="13" height="7.500" rx="1.200"/>',
  waiting: '<circle cx="10" cy="10" r="6"/><path d="M10 6.800V10l2.200 1.600"/>',
  stored: '<path d="m4.500 10.500 3.600 3.700 7.400-8"/>',
  failed: '<circle cx="10" cy="10" r="6.300"/><path d="M10 6.500v4.300m0 2.400v.1"/>',
} as const;

export type Sign = keyof typeof SIGNS;

export const icon = (sign: Sign): SVGElement => drawing("0 0 20 20", SIGNS[sign], "icon");
