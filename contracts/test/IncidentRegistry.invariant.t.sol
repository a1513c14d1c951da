// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IncidentRegistry} from "../src/IncidentRegistry.sol";
import {IIncidentRegistry} from "../src/interfaces/IIncidentRegistry.sol";
import {RegistryTest, Test} from "./support/Test.sol";

/// @notice Acts as three publishers on three incidents, honestly and not, and keeps its own account of what must hold.
contract Publishers is Test {
    struct Entry {
        address publisher;
        bytes32 incident;
        bytes32 root;
        bytes32 previous;
        uint256 slot;
        uint256 ordinal;
    }

    IncidentRegistry public immutable registry;
    Entry[] private _entries;
    mapping(address publisher => mapping(bytes32 incident => bytes32[])) private _histories;
    uint256 public wronglyAccepted;
    uint256 public honestlyRefused;

    /// @dev Keys of the same publishers, so that each can also act through a relay.
    mapping(address publisher => uint256) private _keys;
    address[3] private _publishers;

    struct Set {
        address account;
        bytes32 root;
        uint256 mapping_;
        uint256 slot;
    }

    Set[] private _sets;
    mapping(bytes32 what => bool) private _withdrawn;

    constructor(IncidentRegistry registry_) {
        registry = registry_;
        for (uint256 i; i < 3; ++i) {
            uint256 key = uint256(keccak256(abi.encode("publisher", i)));
            _publishers[i] = vm.addr(key);
            _keys[_publishers[i]] = key;
        }
    }

    function publisherAt(uint256 index) public view returns (address) {
        return _publishers[index % 3];
    }

    function setCount() external view returns (uint256) {
        return _sets.length;
    }

    function setAt(uint256 index) external view returns (Set memory) {
        return _sets[index];
    }

    /// @dev A batch, an endorsement or a retraction, by the account itself: legal once each.
    function act(uint256 who, uint256 seed, uint256 kind) external {
        _pass(seed % 7, seed % 3);
        (address account, bytes32 root) = (publisherAt(who), rootOf(seed));
        uint256 slot = 2 + kind % 3;
        bool legal = _stored(account, root, slot) == 0;
        bytes memory call = slot == 2
            ? abi.encodeCall(registry.anchorBatch, (root, seed % 1000 + 1))
            : slot == 3
                ? abi.encodeCall(registry.endorse, (root))
                : abi.encodeCall(registry.retract, (root, "a reason"));
        vm.prank(account);
        (bool done,) = address(registry).call(call);
        if (done != legal) done ? ++wronglyAccepted : ++honestlyRefused;
        if (!done || !legal) return;
        uint256 top = slot == 2 ? seed % 1000 + 1 : slot == 3 ? 0 : uint256(keccak256("a reason")) / 2 ** 104;
        uint256 expected = top * 2 ** 104 + block.timestamp * 2 ** 64 + block.number * 2 ** 24 + 1;
        _sets.push(Set(account, root, slot, expected));
    }

    /// @dev Terminal, whether endorsed or not.
    function withdraw(uint256 who, uint256 seed) external {
        (address account, bytes32 root) = (publisherAt(who), rootOf(seed));
        bytes32 what = keccak256(abi.encode(account, root));
        vm.prank(account);
        (bool done,) = address(registry).call(abi.encodeCall(registry.withdraw, (root)));
        if (done == _withdrawn[what]) done ? ++wronglyAccepted : ++honestlyRefused;
        if (!done) return;
        _withdrawn[what] = true;
        uint256 top = block.timestamp * 2 ** 216 + block.number * 2 ** 176 + 2;
        for (uint256 i; i < _sets.length; ++i) {
            Set storage set = _sets[i];
            if (set.mapping_ == 3 && set.account == account && set.root == root) {
                set.slot += top;
                return;
            }
        }
        _sets.push(Set(account, root, 3, top));
    }

    /// @dev The publisher's own signature, sent by this contract.
    function anchorByRelay(uint256 who, uint256 what, uint256 seed, bytes32 digest) external {
        _relay(publisherAt(who), incidentAt(what), rootOf(seed), digest, _keys[publisherAt(who)], true);
    }

    /// @dev Another publisher's signature for this one's anchor.
    function anchorByForgery(uint256 who, uint256 forger, uint256 what, uint256 seed) external {
        (address publisher, address other) = (publisherAt(who), publisherAt(forger));
        if (publisher == other) return;
        _relay(publisher, incidentAt(what), rootOf(seed), 0, _keys[other], false);
    }

    function _relay(address publisher, bytes32 incident, bytes32 root, bytes32 digest, uint256 key, bool own) private {
        bytes32[] storage history = _histories[publisher][incident];
        bytes32 previous = history.length == 0 ? bytes32(0) : history[history.length - 1];
        bool legal = own && registry.entrySlotOf(publisher, root) == 0;
        bytes memory signature = _signed(publisher, incident, root, previous, digest, key);
        try registry.anchorFor(publisher, incident, root, previous, digest, type(uint256).max, signature) {
            if (!legal) ++wronglyAccepted;
        } catch {
            if (legal) ++honestlyRefused;
            return;
        }
        history.push(root);
        uint256 slot = packEntry(incident, previous, digest, block.timestamp, block.number, history.length, 0x10);
        _entries.push(Entry(publisher, incident, root, previous, slot, history.length));
    }

    function _signed(address publisher, bytes32 incident, bytes32 root, bytes32 previous, bytes32 digest, uint256 key)
        private
        view
        returns (bytes memory)
    {
        bytes32 kind = keccak256(
            "Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,uint256 deadline)"
        );
        bytes32 request = keccak256(abi.encode(kind, publisher, incident, root, previous, digest, type(uint256).max));
        bytes32 whole = keccak256(bytes.concat(bytes2(0x1901), registry.domainSeparator(), request));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, whole);
        return abi.encodePacked(r, s, v);
    }

    function _stored(address account, bytes32 root, uint256 slot) private view returns (uint256) {
        if (slot == 2) return registry.batchSlotOf(account, root);
        return slot == 3 ? registry.endorsementSlotOf(account, root) : registry.retractionSlotOf(account, root);
    }

    function incidentAt(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("incident", index % 3));
    }

    function entryCount() external view returns (uint256) {
        return _entries.length;
    }

    function entryAt(uint256 index) external view returns (Entry memory) {
        return _entries[index];
    }

    function historyOf(address publisher, bytes32 incident) external view returns (bytes32[] memory) {
        return _histories[publisher][incident];
    }

    /// @dev Roots are SHA-256 values and so differ in their first 232 bits, which is what a head compares. Values made up
    /// to share them (no package has such roots) do pass as each other's `previous`: a unit test shows what is recorded.
    function rootOf(uint256 seed) public pure returns (bytes32) {
        return sha256(abi.encode(seed % 64));
    }

    function anchorNext(uint256 who, uint256 what, uint256 seed, bytes32 digest) external {
        _anchorNext(who, what, rootOf(seed), digest);
    }

    function _anchorNext(uint256 who, uint256 what, bytes32 root, bytes32 digest) private {
        _pass(uint256(digest) % 9, uint256(digest) % 5);
        (address publisher, bytes32 incident) = (publisherAt(who), incidentAt(what));
        bool legal = registry.entrySlotOf(publisher, root) == 0;
        bytes32[] storage history = _histories[publisher][incident];
        bytes32 previous = history.length == 0 ? bytes32(0) : history[history.length - 1];
        if (!_anchor(publisher, incident, root, previous, digest)) {
            if (legal) ++honestlyRefused;
            return;
        }
        if (!legal) ++wronglyAccepted;
        history.push(root);
        uint256 slot = packEntry(incident, previous, digest, block.timestamp, block.number, history.length, 0);
        _entries.push(Entry(publisher, incident, root, previous, slot, history.length));
    }

    function forkTheHistory(uint256 who, uint256 what, uint256 seed, bytes32 previous) external {
        (address publisher, bytes32 incident) = (publisherAt(who), incidentAt(what));
        bytes32[] storage history = _histories[publisher][incident];
        if (history.length == 0 || bytes29(previous) == bytes29(history[history.length - 1])) return;
        if (_anchor(publisher, incident, rootOf(seed), previous, 0)) ++wronglyAccepted;
    }

    function forkFromAnOldRevision(uint256 which, uint256 seed) external {
        if (_entries.length == 0) return;
        Entry memory entry = _entries[which % _entries.length];
        if (entry.ordinal == _histories[entry.publisher][entry.incident].length) return;
        if (_anchor(entry.publisher, entry.incident, rootOf(seed), entry.root, 0)) ++wronglyAccepted;
    }

    function anchorAgain(uint256 which, uint256 what, bytes32 previous, bytes32 digest) external {
        if (_entries.length == 0) return;
        Entry memory entry = _entries[which % _entries.length];
        if (_anchor(entry.publisher, incidentAt(what), entry.root, previous, digest)) ++wronglyAccepted;
    }

    /// @dev Another publisher anchors a root that exists already: legal, and its own.
    function copy(uint256 which, uint256 who) external {
        if (_entries.length == 0) return;
        _anchorNext(who, which, _entries[which % _entries.length].root, bytes32(which));
    }

    function _pass(uint256 seconds_, uint256 blocks) private {
        vm.warp(block.timestamp + seconds_);
        vm.roll(block.number + blocks);
    }

    function _anchor(address publisher, bytes32 incident, bytes32 root, bytes32 previous, bytes32 digest)
        private
        returns (bool)
    {
        vm.prank(publisher);
        try registry.anchor(incident, root, previous, digest) {
            return true;
        } catch {
            return false;
        }
    }
}

contract IncidentRegistryInvariantTest is RegistryTest {
    Publishers private _publishers;

    function setUp() public override {
        super.setUp();
        _publishers = new Publishers(registry);
        _publishers.anchorNext(0, 0, 0, DIGEST);
    }

    /// @dev Read by Foundry: only the handler is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_publishers);
    }

    function invariant_anEntryNeverChanges() public view {
        for (uint256 i; i < _publishers.entryCount(); ++i) {
            Publishers.Entry memory entry = _publishers.entryAt(i);
            assertEq(registry.entrySlotOf(entry.publisher, entry.root), entry.slot, "entry");
        }
    }

    function invariant_aHistoryIsLinearAndItsCountMatches() public view {
        for (uint256 who; who < 3; ++who) {
            for (uint256 what; what < 3; ++what) {
                (address publisher, bytes32 incident) = (_publishers.publisherAt(who), _publishers.incidentAt(what));
                bytes32[] memory history = _publishers.historyOf(publisher, incident);
                uint256 head = history.length == 0 ? 0 : packHead(history[history.length - 1], history.length);
                assertEq(registry.headSlotOf(publisher, incident), head, "head");
                for (uint256 i; i < history.length; ++i) {
                    (,,, uint16 ordinal,) = registry.entryOf(publisher, history[i]);
                    assertEq(ordinal, i + 1, "ordinal");
                }
            }
        }
    }

    function invariant_nobodyActsForAnother() public view {
        uint256 counted;
        for (uint256 i; i < _publishers.entryCount(); ++i) {
            Publishers.Entry memory entry = _publishers.entryAt(i);
            // Neither the caller of the publishers, nor the test, nor a bystander came to hold an entry.
            assertEq(registry.entrySlotOf(address(_publishers), entry.root), 0, "handler");
            assertEq(registry.entrySlotOf(address(this), entry.root), 0, "test");
            assertEq(registry.headSlotOf(BOB, entry.incident), 0, "bystander");
            for (uint256 who; who < 3; ++who) {
                if (registry.entrySlotOf(_publishers.publisherAt(who), entry.root) != 0) ++counted;
            }
        }
        assertTrue(counted >= _publishers.entryCount(), "entries counted");
    }

    function invariant_anActNeverChangesSaveThatAnEndorsementIsWithdrawn() public view {
        for (uint256 i; i < _publishers.setCount(); ++i) {
            Publishers.Set memory set = _publishers.setAt(i);
            bytes32 where = keccak256(abi.encode(set.root, keccak256(abi.encode(set.account, set.mapping_))));
            assertEq(vm.load(address(registry), where), bytes32(set.slot), "act");
            bytes32 mine = keccak256(abi.encode(set.root, keccak256(abi.encode(address(_publishers), set.mapping_))));
            assertEq(vm.load(address(registry), mine), 0, "act of the handler");
        }
    }

    function invariant_onlyLegalCallsAreAccepted() public view {
        assertEq(_publishers.wronglyAccepted(), 0, "wrongly accepted");
        assertEq(_publishers.honestlyRefused(), 0, "honestly refused");
    }
}
