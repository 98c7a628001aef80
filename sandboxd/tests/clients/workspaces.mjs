// near-workspaces, told to start the binary under test. Test files share nothing but this: each has nodes of its own.

import { binary, sandboxFolder } from './daemon.mjs';

/** The library, how it writes an amount of NEAR, and what is to be done when the tests are over. */
export async function workspaces() {
  const { folder, remove } = await sandboxFolder();
  process.env.NEAR_SANDBOX_BIN_PATH = binary;
  process.env.NEAR_SANDBOX_BINARY_PATH = folder;
  const { Worker, parseNEAR } = (await import('near-workspaces')).default;
  return { Worker, amount: (near) => BigInt(parseNEAR(near)), remove };
}
