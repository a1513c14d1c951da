// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a contract wallet answers when asked for its signature (ERC-1271)
interface IERC1271 {
    /// @notice Whether the wallet stands behind a signature over a hash.
    /// @param hash what was signed
    /// @param signature in the wallet's own form
    /// @return magicValue 0x1626ba7e when it does
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4 magicValue);
}
