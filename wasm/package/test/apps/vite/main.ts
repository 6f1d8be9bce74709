import { talk } from "./talk.js";

const url = new URLSearchParams(location.search).get("server") ?? "";
const output = document.querySelector("output");
talk(url).then(
  (said) => output?.append(said),
  (error: unknown) => output?.append(String(error)),
);
