// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "./interfaces/IERC1271.sol";
import {IIncidentRegistry} from "./interfaces/IIncidentRegistry.sol";

/// @title Registry of published incident packages
/// @dev See IIncidentRegistry for what it does and how its storage is laid out.
contract IncidentRegistry is IIncidentRegistry {
    uint256 private constant _MAX_ORDINAL = type(uint16).max;
    uint256 private constant _MAX_CLOCK = type(uint40).max;
    uint256 private constant _MAX_COUNT = 1 << 24;
    uint256 private constant _MAX_REASON = 512;
    uint256 private constant _TAG_MASK = uint256(type(uint152).max) << 104;

    uint256 private constant _BATCH = 0x01;
    uint256 private constant _SET = 0x01;
    uint256 private constant _WITHDRAWN = 0x02;
    uint256 private constant _RELAYED = 0x10;
    uint256 private constant _WITHDRAWN_RELAYED = 0x20;

    /// @dev Half of the secp256k1 group's order (EIP-2).
    uint256 private constant _MAX_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    bytes32 private constant _DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant _NAME = keccak256("IncidentArchive");
    bytes32 private constant _VERSION = keccak256("1");
    bytes32 private constant _ANCHOR_TYPE = keccak256(
        "Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,uint256 deadline)"
    );
    bytes32 private constant _ENDORSE_TYPE = keccak256("Endorse(address endorser,bytes32 root,uint256 deadline)");
    bytes32 private constant _WITHDRAW_TYPE = keccak256("Withdraw(address endorser,bytes32 root,uint256 deadline)");
    bytes32 private constant _RETRACT_TYPE =
        keccak256("Retract(address publisher,bytes32 root,string reason,uint256 deadline)");

    mapping(address publisher => mapping(bytes32 root => uint256)) private _entries;
    mapping(address publisher => mapping(bytes32 incident => uint256)) private _heads;
    mapping(address publisher => mapping(bytes32 root => uint256)) private _batches;
    mapping(address endorser => mapping(bytes32 root => uint256)) private _endorsements;
    mapping(address publisher => mapping(bytes32 root => uint256)) private _retractions;
    mapping(address account => mapping(bytes32 digest => uint256)) private _cancellations;

    // ------------------------------------------------------------------------------------------------------ acts

    /// @inheritdoc IIncidentRegistry
    function anchor(bytes32 incident, bytes32 root, bytes32 previous, bytes32 contentDigest) external {
        if (_entries[msg.sender][root] != 0) revert AlreadyAnchored(msg.sender, root);
        _anchor(msg.sender, incident, root, previous, contentDigest, 0);
    }

    /// @inheritdoc IIncidentRegistry
    function anchorFor(
        address publisher,
        bytes32 incident,
        bytes32 root,
        bytes32 previous,
        bytes32 contentDigest,
        uint256 deadline,
        bytes calldata signature
    ) external {
        if (_entries[publisher][root] != 0) revert AlreadyAnchored(publisher, root);
        bytes32 request =
            keccak256(abi.encode(_ANCHOR_TYPE, publisher, incident, root, previous, contentDigest, deadline));
        _requireSigned(publisher, request, deadline, signature);
        _anchor(publisher, incident, root, previous, contentDigest, _RELAYED);
    }

    /// @inheritdoc IIncidentRegistry
    function anchorBatch(bytes32 root, uint256 count) external {
        if (root == 0) revert ZeroRoot();
        if (count == 0 || count > _MAX_COUNT) revert CountOutOfRange(count);
        mapping(bytes32 => uint256) storage batches = _batches[msg.sender];
        if (batches[root] != 0) revert AlreadyAnchoredBatch(msg.sender, root);
        batches[root] = count << 104 | _now() | _BATCH;
        emit BatchAnchored(msg.sender, root, count);
    }

    /// @inheritdoc IIncidentRegistry
    function endorse(bytes32 root) external {
        _requireNotEndorsed(msg.sender, root);
        _endorse(msg.sender, root, _SET);
    }

    /// @inheritdoc IIncidentRegistry
    function endorseFor(address endorser, bytes32 root, uint256 deadline, bytes calldata signature) external {
        _requireNotEndorsed(endorser, root);
        bytes32 request = keccak256(abi.encode(_ENDORSE_TYPE, endorser, root, deadline));
        _requireSigned(endorser, request, deadline, signature);
        _endorse(endorser, root, _SET | _RELAYED);
    }

    /// @inheritdoc IIncidentRegistry
    function withdraw(bytes32 root) external {
        _requireNotWithdrawn(msg.sender, root);
        _withdraw(msg.sender, root, _WITHDRAWN);
    }

    /// @inheritdoc IIncidentRegistry
    function withdrawFor(address endorser, bytes32 root, uint256 deadline, bytes calldata signature) external {
        _requireNotWithdrawn(endorser, root);
        bytes32 request = keccak256(abi.encode(_WITHDRAW_TYPE, endorser, root, deadline));
        _requireSigned(endorser, request, deadline, signature);
        _withdraw(endorser, root, _WITHDRAWN | _WITHDRAWN_RELAYED);
    }

    /// @inheritdoc IIncidentRegistry
    function retract(bytes32 root, string calldata reason) external {
        _requireNotRetracted(msg.sender, root);
        _retract(msg.sender, root, reason, _SET);
    }

    /// @inheritdoc IIncidentRegistry
    function retractFor(
        address publisher,
        bytes32 root,
        string calldata reason,
        uint256 deadline,
        bytes calldata signature
    ) external {
        _requireNotRetracted(publisher, root);
        bytes32 request = keccak256(abi.encode(_RETRACT_TYPE, publisher, root, keccak256(bytes(reason)), deadline));
        _requireSigned(publisher, request, deadline, signature);
        _retract(publisher, root, reason, _SET | _RELAYED);
    }

    /// @inheritdoc IIncidentRegistry
    function cancel(bytes32 digest) external {
        mapping(bytes32 => uint256) storage cancellations = _cancellations[msg.sender];
        if (cancellations[digest] != 0) revert AlreadyCancelled(msg.sender, digest);
        cancellations[digest] = _now() | _SET;
        emit Cancelled(msg.sender, digest);
    }

    // ----------------------------------------------------------------------------------------------------- views

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
    function batchOf(address publisher, bytes32 root)
        external
        view
        returns (uint32 count, uint40 time, uint40 blockNumber, uint8 flags)
    {
        uint256 batch = _batches[publisher][root];
        return (uint32(batch >> 104), uint40(batch >> 64), uint40(batch >> 24), uint8(batch));
    }

    /// @inheritdoc IIncidentRegistry
    function batchSlotOf(address publisher, bytes32 root) external view returns (uint256) {
        return _batches[publisher][root];
    }

    /// @inheritdoc IIncidentRegistry
    function endorsementOf(address endorser, bytes32 root)
        external
        view
        returns (uint40 time, uint40 blockNumber, uint40 withdrawnTime, uint40 withdrawnBlock, uint8 flags)
    {
        uint256 found = _endorsements[endorser][root];
        return (uint40(found >> 64), uint40(found >> 24), uint40(found >> 216), uint40(found >> 176), uint8(found));
    }

    /// @inheritdoc IIncidentRegistry
    function endorsementSlotOf(address endorser, bytes32 root) external view returns (uint256) {
        return _endorsements[endorser][root];
    }

    /// @inheritdoc IIncidentRegistry
    function retractionOf(address publisher, bytes32 root)
        external
        view
        returns (bytes19 reasonTag, uint40 time, uint40 blockNumber, uint8 flags)
    {
        uint256 found = _retractions[publisher][root];
        return (bytes19(bytes32(found)), uint40(found >> 64), uint40(found >> 24), uint8(found));
    }

    /// @inheritdoc IIncidentRegistry
    function retractionSlotOf(address publisher, bytes32 root) external view returns (uint256) {
        return _retractions[publisher][root];
    }

    /// @inheritdoc IIncidentRegistry
    function cancellationSlotOf(address account, bytes32 digest) external view returns (uint256) {
        return _cancellations[account][digest];
    }

    /// @inheritdoc IIncidentRegistry
    function tagOf(bytes32 incident, bytes32 previous, bytes32 contentDigest) external pure returns (bytes19) {
        return bytes19(bytes32(_tag(incident, previous, contentDigest)));
    }

    /// @inheritdoc IIncidentRegistry
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparator();
    }

    // ------------------------------------------------------------------------------------- what the acts consist of

    /// @dev The caller made sure that there is no entry.
    function _anchor(
        address publisher,
        bytes32 incident,
        bytes32 root,
        bytes32 previous,
        bytes32 contentDigest,
        uint256 flags
    ) private {
        if (incident == 0) revert ZeroIncident();
        if (root == 0) revert ZeroRoot();

        mapping(bytes32 => uint256) storage heads = _heads[publisher];
        uint256 head = heads[incident];
        uint256 ordinal = head & type(uint24).max;
        if (head != 0) {
            if ((uint256(previous) ^ head) >> 24 != 0) revert NotHead(previous, bytes29(bytes32(head)));
            if (ordinal == _MAX_ORDINAL) revert HistoryFull(publisher, incident);
        }
        unchecked {
            ++ordinal;
        }

        heads[incident] = (uint256(root) >> 24) << 24 | ordinal;
        _entries[publisher][root] = _tag(incident, previous, contentDigest) | _now() | ordinal << 8 | flags;
        emit Anchored(publisher, incident, root, previous, contentDigest, ordinal);
    }

    function _requireNotEndorsed(address endorser, bytes32 root) private view {
        uint256 found = _endorsements[endorser][root];
        if (found & _WITHDRAWN != 0) revert AlreadyWithdrawn(endorser, root);
        if (found != 0) revert AlreadyEndorsed(endorser, root);
    }

    function _endorse(address endorser, bytes32 root, uint256 flags) private {
        if (root == 0) revert ZeroRoot();
        _endorsements[endorser][root] = _now() | flags;
        emit Endorsed(endorser, root);
    }

    function _requireNotWithdrawn(address endorser, bytes32 root) private view {
        if (_endorsements[endorser][root] & _WITHDRAWN != 0) revert AlreadyWithdrawn(endorser, root);
    }

    function _withdraw(address endorser, bytes32 root, uint256 flags) private {
        if (root == 0) revert ZeroRoot();
        // The clock is 80 bits above 24 zero ones: moved to the top of the word.
        _endorsements[endorser][root] |= (_now() >> 24) << 176 | flags;
        emit EndorsementWithdrawn(endorser, root);
    }

    function _requireNotRetracted(address publisher, bytes32 root) private view {
        if (_retractions[publisher][root] != 0) revert AlreadyRetracted(publisher, root);
    }

    function _retract(address publisher, bytes32 root, string calldata reason, uint256 flags) private {
        if (root == 0) revert ZeroRoot();
        bytes calldata text = bytes(reason);
        if (text.length == 0 || text.length > _MAX_REASON) revert ReasonOutOfRange(text.length);
        _retractions[publisher][root] = uint256(keccak256(text)) & _TAG_MASK | _now() | flags;
        emit Retracted(publisher, root, reason);
    }

    /// @dev Time and block number in their places; the rest zero.
    function _now() private view returns (uint256) {
        // An overflowing clock would run into its neighbours in the word.
        if (block.timestamp > _MAX_CLOCK || block.number > _MAX_CLOCK) revert ClockOutOfRange();
        return block.timestamp << 64 | block.number << 24;
    }

    /// @dev The tag in its place: the top 152 bits, the rest zero.
    function _tag(bytes32 incident, bytes32 previous, bytes32 contentDigest) private pure returns (uint256) {
        return uint256(keccak256(abi.encode(incident, previous, contentDigest))) & _TAG_MASK;
    }

    // ------------------------------------------------------------------------------------------------- signatures

    function _domainSeparator() private view returns (bytes32) {
        return keccak256(abi.encode(_DOMAIN_TYPE, _NAME, _VERSION, block.chainid, address(this)));
    }

    function _requireSigned(address account, bytes32 request, uint256 deadline, bytes calldata signature) private view {
        if (block.timestamp > deadline) revert Expired(deadline);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", _domainSeparator(), request));
        if (_cancellations[account][digest] != 0) revert RequestCancelled(account, digest);
        if (!_isSignedBy(account, digest, signature)) revert BadSignature(account, digest);
    }

    function _isSignedBy(address account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        // A failed recovery gives address(0).
        if (account == address(0)) return false;
        if (signature.length == 65) {
            bytes32 r = bytes32(signature[:32]);
            bytes32 s = bytes32(signature[32:64]);
            if (uint256(s) <= _MAX_S && ecrecover(digest, uint8(signature[64]), r, s) == account) return true;
        }
        return account.code.length != 0 && _isValidForWallet(account, digest, signature);
    }

    /// @dev Asked without a way to change state, and no more than one word of the answer is copied.
    function _isValidForWallet(address account, bytes32 digest, bytes calldata signature) private view returns (bool) {
        bytes memory question = abi.encodeCall(IERC1271.isValidSignature, (digest, signature));
        bool answered;
        bytes32 answer;
        assembly ("memory-safe") {
            answered := staticcall(gas(), account, add(question, 0x20), mload(question), 0x00, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            answer := mload(0x00)
        }
        return answered && answer == bytes32(IERC1271.isValidSignature.selector);
    }
}
