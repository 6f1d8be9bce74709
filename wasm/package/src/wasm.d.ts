/** What wasm-bindgen writes to `wasm/`; told here so that types check before it has run. */
declare module "*/wasm/presently.js" {
  export default function load(options?: { module_or_path: BufferSource | URL }): Promise<unknown>;
  export const RawClient: unknown;
}
