// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIncidentRegistry} from "./interfaces/IIncidentRegistry.sol";

/// @title Registry of published incident packages
/// @dev See IIncidentRegistry for what it does and how its storage is laid out.
contract IncidentRegistry is IIncidentRegistry {
    uint256 private constant _MAX_ORDINAL = type(uint16).max;
    uint256 private constant _MAX_CLOCK = type(uint40).max;
    uint256 private constant _TAG_MASK = uint256(type(uint152).max) << 104;

    mapping(address publisher => mapping(bytes32 root => uint256)) private _entries;
    mapping(address publisher => mapping(bytes32 incident => uint256)) private _heads;

    /// @inheritdoc IIncidentRegistry
    function anchor(bytes32 incident, bytes32 root, bytes32 previous, bytes32 contentDigest) external {
        if (incident == 0) revert ZeroIncident();
        if (root == 0) revert ZeroRoot();
        // An overflowing clock would run into the tag bits of the entry.
        if (block.timestamp > _MAX_CLOCK || block.number > _MAX_CLOCK) revert ClockOutOfRange();

        mapping(bytes32 => uint256) storage entries = _entries[msg.sender];
        if (entries[root] != 0) revert AlreadyAnchored(msg.sender, root);

        mapping(bytes32 => uint256) storage heads = _heads[msg.sender];
        uint256 head = heads[incident];
        uint256 ordinal = head & type(uint24).max;
        if (head != 0) {
            if ((uint256(previous) ^ head) >> 24 != 0) revert NotHead(previous, bytes29(bytes32(head)));
            if (ordinal == _MAX_ORDINAL) revert HistoryFull(msg.sender, incident);
        }
        unchecked {
            ++ordinal;
        }

        heads[incident] = (uint256(root) >> 24) << 24 | ordinal;
        entries[root] =
            _tag(incident, previous, contentDigest) | block.timestamp << 64 | block.number << 24 | ordinal << 8;
        emit Anchored(msg.sender, incident, root, previous, contentDigest, ordinal);
    }

    /// @inheritdoc IIncidentRegistry
    function entryOf(address publisher, bytes32 root)
        external
        view
        returns (bytes19 tag, uint40 time, uint40 blockNumber, uint16 ordinal, uint8 flags)
    {
        uint256 entry = _entries[publisher][root];
        return (bytes19(bytes32(entry)), uint40(entry >> 64), uint40(entry >> 24), uint16(entry >> 8), uint8(entry));
    }

    /// @inheritdoc IIncidentRegistry
    function entrySlotOf(address publisher, bytes32 root) external view returns (uint256) {
        return _entries[publisher][root];
    }

    /// @inheritdoc IIncidentRegistry
    function headOf(address publisher, bytes32 incident) external view returns (bytes29 rootPrefix, uint24 ordinal) {
        uint256 head = _heads[publisher][incident];
        return (bytes29(bytes32(head)), uint24(head));
    }

    /// @inheritdoc IIncidentRegistry
    function headSlotOf(address publisher, bytes32 incident) external view returns (uint256) {
        return _heads[publisher][incident];
    }

    /// @inheritdoc IIncidentRegistry
    function tagOf(bytes32 incident, bytes32 previous, bytes32 contentDigest) external pure returns (bytes19) {
        return bytes19(bytes32(_tag(incident, previous, contentDigest)));
    }

    /// @dev The tag in its place: the top 152 bits, the rest zero.
    function _tag(bytes32 incident, bytes32 previous, bytes32 contentDigest) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(incident, previous, contentDigest))) & _TAG_MASK;
    }
}
