// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice Leaf, root and path of RFC 9162 §2.1, written a second time, by the recursion of the RFC's own text.
library Tree {
    function leaf(bytes memory data) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"00", data));
    }

    function batchLeaf(bytes32 incident, bytes32 root, bytes32 contentDigest) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"00", "IA1-batch", incident, root, contentDigest));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(hex"01", left, right));
    }

    function rootOf(bytes32[] memory leaves) internal pure returns (bytes32) {
        return leaves.length == 0 ? sha256("") : _root(leaves, 0, leaves.length);
    }

    function _root(bytes32[] memory leaves, uint256 start, uint256 end) private pure returns (bytes32) {
        uint256 count = end - start;
        if (count == 1) return leaves[start];
        uint256 split = _split(count);
        return node(_root(leaves, start, start + split), _root(leaves, start + split, end));
    }

    function rootByPath(bytes32 leaf_, uint256 index, uint256 count, bytes32[] memory path)
        internal
        pure
        returns (bytes32)
    {
        return _byPath(leaf_, index, count, path, path.length);
    }

    function _byPath(bytes32 leaf_, uint256 index, uint256 count, bytes32[] memory path, uint256 length)
        private
        pure
        returns (bytes32)
    {
        if (count == 1) return leaf_;
        uint256 split = _split(count);
        bytes32 sibling = path[length - 1];
        if (index < split) return node(_byPath(leaf_, index, split, path, length - 1), sibling);
        return node(sibling, _byPath(leaf_, index - split, count - split, path, length - 1));
    }

    /// @dev The largest power of two below `count`.
    function _split(uint256 count) private pure returns (uint256 split) {
        split = 1;
        while (split * 2 < count) split *= 2;
    }
}
