// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Registry of published incident packages
/// @notice Anybody may anchor the Merkle root of a package under the address that sends the transaction. An entry never
/// changes and is never removed; there is no owner, no pause, no upgrade, and the contract takes no ether.
/// @dev What it gives, exactly: within one registry, one publisher cannot show two different histories of one incident.
/// It says nothing of other publishers, other chains, or whether what a package says is true.
///
/// Storage, for storage proofs (nested mappings as Solidity lays them out):
/// - slot 0: `mapping(address publisher => mapping(bytes32 root => uint256 entry))`,
///   entry = `tag 152 | time 40 | block 40 | ordinal 16 | flags 8`, most significant first;
/// - slot 1: `mapping(address publisher => mapping(bytes32 incident => uint256 head))`,
///   head = `root prefix 232 | ordinal 24`, most significant first.
/// An entry or head that is set is never zero, since ordinals start at 1.
///
/// Values of `flags`: the low four bits are the kind of entry, 0 = the root of one package, written by `anchor`;
/// 1 = the root of a batch, which never stands for a package. Bit 4 (0x10) = sent by a relay with the publisher's
/// signature. All other values are reserved. This version writes 0 only; a reader refuses values that it does not know.
interface IIncidentRegistry {
    /// @notice A root was anchored.
    /// @param publisher the account that sent the call
    /// @param incident keccak256 of the incident's id in UTF-8
    /// @param root Merkle root of the package
    /// @param previous root of the revision before, as the publisher states it; zero for none
    /// @param contentDigest SHA-256 digest inside the CIDv1 of the package directory (prefix 0x01701220)
    /// @param ordinal position in this publisher's history of this incident, from 1
    event Anchored(
        address indexed publisher,
        bytes32 indexed incident,
        bytes32 indexed root,
        bytes32 previous,
        bytes32 contentDigest,
        uint256 ordinal
    );

    /// @notice The incident key is zero.
    error ZeroIncident();

    /// @notice The root is zero.
    error ZeroRoot();

    /// @notice This publisher anchored this root before, under this or another incident.
    error AlreadyAnchored(address publisher, bytes32 root);

    /// @notice A history exists and `previous` is not its head.
    /// @param previous what the caller gave
    /// @param head the first 29 bytes of the head's root
    error NotHead(bytes32 previous, bytes29 head);

    /// @notice This publisher's history of this incident holds 65,535 revisions, the most that an entry can count.
    error HistoryFull(address publisher, bytes32 incident);

    /// @notice The chain's block number or time does not fit 40 bits (time is in seconds on the chains meant here).
    error ClockOutOfRange();

    /// @notice Anchor the root of a package under the caller's address.
    /// @dev When the caller has a head for `incident`, `previous` must be that head; when there is none, any `previous`
    /// is accepted, since an earlier revision may live on another chain, in a batch, or under a key that was replaced.
    /// The head is kept and compared by its first 232 bits: roots are SHA-256 values, so no two packages share them, and
    /// the event carries `previous` whole for the reader to compare. Two publishers may anchor the same root; neither
    /// touches the other's entry.
    /// @param incident keccak256 of the incident's id in UTF-8; not zero
    /// @param root Merkle root of the package; not zero
    /// @param previous root of the revision before, or zero
    /// @param contentDigest SHA-256 digest inside the CIDv1 of the package directory
    function anchor(bytes32 incident, bytes32 root, bytes32 previous, bytes32 contentDigest) external;

    /// @notice The entry of (publisher, root), decoded; all zero when there is none.
    /// @return tag first 19 bytes of keccak256(abi.encode(incident, previous, contentDigest))
    /// @return time block time of the entry, seconds since 1970
    /// @return blockNumber block of the entry: where to find its event when logs cannot be scanned
    /// @return ordinal position in the publisher's history of the incident, from 1; 0 when there is no entry
    /// @return flags kind of entry, see above
    function entryOf(address publisher, bytes32 root)
        external
        view
        returns (bytes19 tag, uint40 time, uint40 blockNumber, uint16 ordinal, uint8 flags);

    /// @notice The entry of (publisher, root) as it is stored; zero when there is none.
    function entrySlotOf(address publisher, bytes32 root) external view returns (uint256);

    /// @notice The head of a publisher's history of an incident; all zero when there is none.
    /// @return rootPrefix first 29 bytes of the root anchored last
    /// @return ordinal how many revisions the history holds
    function headOf(address publisher, bytes32 incident) external view returns (bytes29 rootPrefix, uint24 ordinal);

    /// @notice The head as it is stored; zero when there is none.
    function headSlotOf(address publisher, bytes32 incident) external view returns (uint256);

    /// @notice The tag that an entry with these values holds.
    function tagOf(bytes32 incident, bytes32 previous, bytes32 contentDigest) external pure returns (bytes19);
}
