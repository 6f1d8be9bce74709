/** The pictures people have until they choose one: the same person always has the same. */
import { drawing } from "./dom.js";

const sky = (color: string): string => `<path fill="${color}" d="M0 0h48v48H0z"/>`;

const PICTURES = [
  // Mountains
  sky("#9fd3f2") +
    '<circle cx="36" cy="12" r="5" fill="#fff3b8"/><path fill="#5b7fa6" d="M-2 40 16 14l18 26z"/><path fill="#f4f9fd" d="m16 14 5 7.500-3 2-2-2-3 2.500-2.200-2z"/><path fill="#41648c" d="m18 42 14-19 20 19z"/><path fill="#5f9b5b" d="M0 38c12-4 34-3 48 1v9H0z"/>',
  // A flower
  sky("#bfe3b1") +
    '<path stroke="#3c7a3f" stroke-width="3" fill="none" d="M24 26v22"/><path fill="#3c7a3f" d="M24 42c6 0 9-3 10-7-6 0-9 3-10 7z"/><g fill="#fff"><circle cx="24" cy="12" r="6.500"/><circle cx="32" cy="18" r="6.500"/><circle cx="29" cy="27" r="6.500"/><circle cx="19" cy="27" r="6.500"/><circle cx="16" cy="18" r="6.500"/></g><circle cx="24" cy="20.500" r="5.500" fill="#f4b62f"/>',
  // A sailing boat
  sky("#ffe2b0") +
    '<circle cx="24" cy="33" r="13" fill="#f7a64a"/><path fill="#2d7fa8" d="M0 34h48v14H0z"/><path fill="#fffaf0" d="M23 8v24H9zM26 14v18h11z"/><path fill="#8b3f32" d="M8 34h32l-5 7H13z"/>',
  // A night
  sky("#2f3f73") +
    '<path fill="#f6e6a8" d="M30 8a13 13 0 1 0 9 20A11 11 0 0 1 30 8z"/><g fill="#fff"><circle cx="11" cy="10" r="1.500"/><circle cx="41" cy="12" r="1.300"/><circle cx="15" cy="26" r="1"/><circle cx="7" cy="19" r="1"/></g><path fill="#1c284f" d="M0 42c8-8 14-4 20-3s14-6 28 0v9H0z"/>',
  // A balloon
  sky("#cfe9f7") +
    '<g fill="#fff"><ellipse cx="9" cy="36" rx="9" ry="4"/><ellipse cx="42" cy="12" rx="8" ry="3.500"/></g><path fill="#d9483b" d="M24 5c8 0 13 5.500 13 12.500C37 25 29 30 27 34h-6c-2-4-10-9-10-16.500C11 10.500 16 5 24 5z"/><path fill="#f7c948" d="M24 5c4 0 6.500 5.500 6.500 12.500C30.500 25 27 30 26 34h-4c-1-4-4.500-9-4.500-16.500C17.500 10.500 20 5 24 5z"/><path fill="#8a5a33" d="M20.500 37h7v5.500h-7z"/>',
  // A pawn
  sky("#e8dcc8") +
    '<path fill="#c9b491" d="M0 0h24v24H0zM24 24h24v24H24z"/><g fill="#3b3230"><circle cx="24" cy="15" r="6.500"/><path d="M18 21h12v2.500h-3c0 6 2 9.500 5 13.500H16c3-4 5-7.500 5-13.500h-3z"/><rect x="13" y="37" width="22" height="5" rx="2"/></g>',
  // A duck
  sky("#7fd0d6") +
    '<path fill="#f9cf3c" d="M30 22c4-2 5-5 5-8 0-5-4-8-8.500-8S18 9 18 14c0 4 2 6 2 8-4 1-9 1-12-3-1 9 3 18 16 18 11 0 15-6 15-11 0-3-3-4-9-4z"/><path fill="#ee7d2b" d="M34 12c3-1 6-1 8 1-1 3-4 4-7 3z"/><circle cx="28.500" cy="12.500" r="1.800" fill="#2b2b2b"/><path fill="#4bb0bd" d="M0 36c6-2 8 2 14 1s8-3 14-1 10 2 20-1v13H0z"/>',
  // A cactus
  sky("#f8cdb4") +
    '<circle cx="37" cy="12" r="6" fill="#fff1d6"/><path stroke="#3f8a57" stroke-width="8" stroke-linecap="round" fill="none" d="M24 40V13"/><path stroke="#3f8a57" stroke-width="5.500" stroke-linecap="round" stroke-linejoin="round" fill="none" d="M24 30H13v-9M24 26h11v-8"/><path fill="#d98e5f" d="M0 39c14-3 34-3 48 0v9H0z"/>',
] as const;

/** The picture of `user`. */
export function picture(user: string): SVGElement {
  let hash = 0;
  for (const letter of user) hash = (hash * 31 + (letter.codePointAt(0) ?? 0)) >>> 0;
  return drawing("0 0 48 48", PICTURES[hash % PICTURES.length] ?? PICTURES[0], "picture");
}
