import { talk } from "./talk.js";

console.log(await talk(process.argv[2] ?? ""));
