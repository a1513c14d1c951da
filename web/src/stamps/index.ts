export type * from './types.ts';
export { MAINNET, REGTEST, readHeaderFile, type HeaderFile } from './bitcoin.ts';
export { checkStamps, limitOf, wantedBitcoin } from './judge.ts';
