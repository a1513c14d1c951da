// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Registry of published incident packages
/// @notice Anybody may anchor the Merkle root of a package under the address that sends the transaction, or under another
/// address with that one's signature. An entry never changes and is never removed; there is no owner, no pause, no
/// upgrade, and the contract takes no ether.
/// @dev What it gives, exactly: within one registry and through `anchor`, one publisher cannot show two different
/// histories of one incident. It says nothing of other publishers, of batches, of other chains, or whether what a package
/// says is true.
///
/// Storage, for storage proofs (nested mappings as Solidity lays them out), each value one word, most significant first:
/// - slot 0: `mapping(address publisher => mapping(bytes32 root => uint256 entry))`,
///   entry = `tag 152 | time 40 | block 40 | ordinal 16 | flags 8`;
/// - slot 1: `mapping(address publisher => mapping(bytes32 incident => uint256 head))`,
///   head = `root prefix 232 | ordinal 24`;
/// - slot 2: `mapping(address publisher => mapping(bytes32 root => uint256 batch))`,
///   batch = `count 152 | time 40 | block 40 | zero 16 | flags 8`;
/// - slot 3: `mapping(address endorser => mapping(bytes32 root => uint256 endorsement))`,
///   endorsement = `withdrawn time 40 | withdrawn block 40 | zero 72 | time 40 | block 40 | zero 16 | flags 8`;
/// - slot 4: `mapping(address publisher => mapping(bytes32 root => uint256 retraction))`,
///   retraction = `first 152 bits of keccak256(reason) | time 40 | block 40 | zero 16 | flags 8`;
/// - slot 5: `mapping(address account => mapping(bytes32 digest => uint256 cancellation))`,
///   cancellation = `zero 152 | time 40 | block 40 | zero 16 | flags 8`.
/// A value that is set is never zero: ordinals start at 1, and the flags of the others are never zero.
///
/// Values of `flags`, by mapping. Bit 4 (0x10) everywhere means: sent by a relay with the account's signature.
/// - entry: the low four bits are the kind, 0 = the root of one package. No other kind is written to slot 0;
/// - batch: the low four bits are 1 = the root of a batch, which never stands for a package;
/// - endorsement: 0x01 = endorsed, 0x02 = withdrawn (terminal), 0x10 = endorsed through a relay, 0x20 = withdrawn through one;
/// - retraction, cancellation: 0x01 = set.
/// All other values are reserved; a reader refuses values that it does not know.
///
/// Signed requests are EIP-712 typed data under the domain (name "IncidentArchive", version "1", chainId, this contract):
/// - `Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,uint256 deadline)`
/// - `Endorse(address endorser,bytes32 root,uint256 deadline)`
/// - `Withdraw(address endorser,bytes32 root,uint256 deadline)`
/// - `Retract(address publisher,bytes32 root,string reason,uint256 deadline)`
/// There are no sequential nonces: each act can happen once for each account and root, so a request cannot be replayed
/// and requests need no order. A signature is 65 bytes `r ‖ s ‖ v` of the account's own key with low s and v 27 or 28;
/// where that does not recover to the account and the account has code, the account is asked by ERC-1271. An act that
/// was done already reverts with the error named `Already…` whatever the signature: a relay that was overtaken can tell
/// that from a refusal.
interface IIncidentRegistry {
    /// @notice A root was anchored.
    /// @param publisher the account that sent the call, or signed the request
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

    /// @notice The root of a batch was anchored.
    /// @param publisher the account that sent the call
    /// @param root Merkle root over the batch's leaves
    /// @param count how many leaves, as the publisher states it
    event BatchAnchored(address indexed publisher, bytes32 indexed root, uint256 count);

    /// @notice A root was endorsed.
    event Endorsed(address indexed endorser, bytes32 indexed root);

    /// @notice An endorsement was withdrawn, or ruled out before it was made. There is no way back.
    event EndorsementWithdrawn(address indexed endorser, bytes32 indexed root);

    /// @notice A publisher takes back a root.
    /// @param reason in UTF-8, as the publisher wrote it
    event Retracted(address indexed publisher, bytes32 indexed root, string reason);

    /// @notice A signed request of this account can no longer be used.
    event Cancelled(address indexed account, bytes32 indexed digest);

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

    /// @notice This publisher anchored this batch before.
    error AlreadyAnchoredBatch(address publisher, bytes32 root);

    /// @notice A batch has 1 to 2^24 members.
    error CountOutOfRange(uint256 count);

    /// @notice This account endorsed this root before, and the endorsement stands.
    error AlreadyEndorsed(address endorser, bytes32 root);

    /// @notice This account withdrew its endorsement of this root: that is terminal.
    error AlreadyWithdrawn(address endorser, bytes32 root);

    /// @notice This publisher retracted this root before.
    error AlreadyRetracted(address publisher, bytes32 root);

    /// @notice A reason has 1 to 512 bytes.
    error ReasonOutOfRange(uint256 length);

    /// @notice This account cancelled this digest before.
    error AlreadyCancelled(address account, bytes32 digest);

    /// @notice The request could be used until `deadline`, in seconds since 1970.
    error Expired(uint256 deadline);

    /// @notice The account cancelled the request.
    error RequestCancelled(address account, bytes32 digest);

    /// @notice Neither the account's key nor, when it has code, the account itself stands behind the signature.
    error BadSignature(address account, bytes32 digest);

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

    /// @notice The same under the address that signed the request; anybody may send it.
    /// @param publisher whose entry it is, and who signed
    /// @param deadline last second (since 1970) at which the request may be used
    /// @param signature over `Anchor(…)`, see above
    function anchorFor(
        address publisher,
        bytes32 incident,
        bytes32 root,
        bytes32 previous,
        bytes32 contentDigest,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Anchor the root of a tree over many packages at once.
    /// @dev Kept apart from entries: a batch never proves that a package's own root was anchored, nor the reverse, and
    /// members that anybody anchored before, alone or in a batch, change nothing. The tree is RFC 9162's over the leaves
    /// `SHA-256(0x00 ‖ "IA1-batch" ‖ incident ‖ root ‖ contentDigest)`; the contract never sees them.
    /// @param root Merkle root of the batch; not zero
    /// @param count how many leaves it has, 1 to 2^24
    function anchorBatch(bytes32 root, uint256 count) external;

    /// @notice Co-sign a root, whoever anchored it and wherever. Each account can do so once.
    function endorse(bytes32 root) external;

    /// @notice The same for the account that signed `Endorse(…)`.
    function endorseFor(address endorser, bytes32 root, uint256 deadline, bytes calldata signature) external;

    /// @notice Withdraw an endorsement, or rule one out, for good.
    function withdraw(bytes32 root) external;

    /// @notice The same for the account that signed `Withdraw(…)`.
    function withdrawFor(address endorser, bytes32 root, uint256 deadline, bytes calldata signature) external;

    /// @notice Take back a root. It needs no entry: a member of a batch is retracted by its own root.
    /// @dev The entry, if there is one, does not change; the history goes on from it.
    /// @param reason 1 to 512 bytes of UTF-8
    function retract(bytes32 root, string calldata reason) external;

    /// @notice The same for the publisher that signed `Retract(…)`.
    function retractFor(
        address publisher,
        bytes32 root,
        string calldata reason,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Make a request that the caller signed unusable here.
    /// @param digest the EIP-712 digest that was signed
    function cancel(bytes32 digest) external;

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

    /// @notice The batch of (publisher, root), decoded; all zero when there is none.
    /// @return count how many leaves the publisher says it has
    /// @return time block time of the act, seconds since 1970
    /// @return blockNumber block of the act
    /// @return flags see above
    function batchOf(address publisher, bytes32 root)
        external
        view
        returns (uint32 count, uint40 time, uint40 blockNumber, uint8 flags);

    /// @notice The batch as it is stored; zero when there is none.
    function batchSlotOf(address publisher, bytes32 root) external view returns (uint256);

    /// @notice The endorsement of (endorser, root), decoded; all zero when there is none. It counts only while bit 0 of
    /// `flags` is set and bit 1 is not.
    function endorsementOf(address endorser, bytes32 root)
        external
        view
        returns (uint40 time, uint40 blockNumber, uint40 withdrawnTime, uint40 withdrawnBlock, uint8 flags);

    /// @notice The endorsement as it is stored; zero when there is none.
    function endorsementSlotOf(address endorser, bytes32 root) external view returns (uint256);

    /// @notice The retraction of (publisher, root), decoded; all zero when there is none.
    /// @return reasonTag first 19 bytes of keccak256(reason); the reason itself is in the event, at `blockNumber`
    function retractionOf(address publisher, bytes32 root)
        external
        view
        returns (bytes19 reasonTag, uint40 time, uint40 blockNumber, uint8 flags);

    /// @notice The retraction as it is stored; zero when there is none.
    function retractionSlotOf(address publisher, bytes32 root) external view returns (uint256);

    /// @notice The cancellation of (account, digest) as it is stored; zero when there is none.
    function cancellationSlotOf(address account, bytes32 digest) external view returns (uint256);

    /// @notice The EIP-712 domain separator on this chain.
    function domainSeparator() external view returns (bytes32);
}
