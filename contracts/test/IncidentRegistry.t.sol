// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IncidentRegistry} from "../src/IncidentRegistry.sol";
import {IIncidentRegistry} from "../src/interfaces/IIncidentRegistry.sol";
import {RegistryTest} from "./support/Test.sol";
import {Vm} from "./support/Vm.sol";

contract IncidentRegistryTest is RegistryTest {
    // ------------------------------------------------------------------------------------------- what is written

    function test_anchor_writesTheEntryAsLaidOut() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        uint256 expected = packEntry(INCIDENT, 0, DIGEST, TIME, NUMBER, 1, 0);
        assertEq(registry.entrySlotOf(ALICE, FIRST), expected, "slot by view");
        assertEq(vm.load(address(registry), entryPlace(ALICE, FIRST)), bytes32(expected), "slot in storage");

        (bytes19 tag, uint40 time, uint40 number, uint16 ordinal, uint8 flags) = registry.entryOf(ALICE, FIRST);
        assertEq(tag, registry.tagOf(INCIDENT, 0, DIGEST), "tag");
        assertEq(tag, bytes19(keccak256(abi.encode(INCIDENT, bytes32(0), DIGEST))), "tag formula");
        assertEq(time, TIME, "time");
        assertEq(number, NUMBER, "block number");
        assertEq(ordinal, 1, "ordinal");
        assertEq(flags, 0, "flags");
    }

    function test_anchor_writesTheHeadAsLaidOut() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        uint256 expected = packHead(FIRST, 1);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), expected, "slot by view");
        assertEq(vm.load(address(registry), headPlace(ALICE, INCIDENT)), bytes32(expected), "slot in storage");
        (bytes29 prefix, uint24 ordinal) = registry.headOf(ALICE, INCIDENT);
        assertEq(prefix, bytes29(FIRST), "prefix");
        assertEq(ordinal, 1, "ordinal");
    }

    function test_anchor_emitsTheEvent() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Anchored(ALICE, INCIDENT, FIRST, SECOND, DIGEST, 1);
        anchorAs(ALICE, INCIDENT, FIRST, SECOND);
    }

    function test_anchor_emitsExactlyOneEvent() public {
        vm.recordLogs();
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertEq(logs.length, 1, "logs");
        assertEq(logs[0].topics.length, 4, "topics");
        assertEq(logs[0].data.length, 96, "data");
    }

    function test_anchor_secondRevisionTakesTheHead() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.roll(NUMBER + 7);
        vm.warp(TIME + 5);
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), packHead(SECOND, 2), "head");
        assertEq(
            registry.entrySlotOf(ALICE, SECOND), packEntry(INCIDENT, FIRST, DIGEST, TIME + 5, NUMBER + 7, 2, 0), "new"
        );
        assertEq(registry.entrySlotOf(ALICE, FIRST), packEntry(INCIDENT, 0, DIGEST, TIME, NUMBER, 1, 0), "old");
    }

    function test_anchor_firstRevisionHereMayFollowOneElsewhere() public {
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), packHead(SECOND, 1), "head");
    }

    function test_anchor_acceptsAZeroContentDigest() public {
        vm.prank(ALICE);
        registry.anchor(INCIDENT, FIRST, 0, 0);
        assertEq(registry.entrySlotOf(ALICE, FIRST), packEntry(INCIDENT, 0, 0, TIME, NUMBER, 1, 0), "entry");
    }

    function test_views_areZeroWhereNothingWasAnchored() public view {
        assertEq(registry.entrySlotOf(ALICE, FIRST), 0, "entry");
        assertEq(registry.headSlotOf(ALICE, INCIDENT), 0, "head");
        (bytes19 tag, uint40 time, uint40 number, uint16 ordinal, uint8 flags) = registry.entryOf(ALICE, FIRST);
        assertTrue(tag == 0 && time == 0 && number == 0 && ordinal == 0 && flags == 0, "decoded entry");
    }

    // -------------------------------------------------------------------------------------------- what is refused

    function test_anchor_failsIfIncidentIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroIncident.selector));
        anchorAs(ALICE, 0, FIRST, 0);
    }

    function test_anchor_failsIfRootIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroRoot.selector));
        anchorAs(ALICE, INCIDENT, 0, 0);
    }

    function test_anchor_failsIfRootWasAnchoredBefore() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchored.selector, ALICE, FIRST));
        anchorAs(ALICE, INCIDENT, FIRST, FIRST);
    }

    function test_anchor_failsIfRootWasAnchoredUnderAnotherIncident() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchored.selector, ALICE, FIRST));
        anchorAs(ALICE, OTHER_INCIDENT, FIRST, 0);
    }

    function test_anchor_failsIfAnOldRevisionIsAnchoredAgain() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchored.selector, ALICE, FIRST));
        anchorAs(ALICE, INCIDENT, FIRST, SECOND);
    }

    function test_anchor_failsIfPreviousIsZeroWhileAHeadExists() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, bytes32(0), bytes29(FIRST)));
        anchorAs(ALICE, INCIDENT, SECOND, 0);
    }

    function test_anchor_failsIfPreviousIsAnOlderRevision() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, FIRST, bytes29(SECOND)));
        anchorAs(ALICE, INCIDENT, THIRD, FIRST);
    }

    function test_anchor_failsIfPreviousIsTheHeadOfAnotherPublisher() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        anchorAs(BOB, INCIDENT, SECOND, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, SECOND, bytes29(FIRST)));
        anchorAs(ALICE, INCIDENT, THIRD, SECOND);
    }

    function test_anchor_failsIfTheLastComparedBitOfPreviousDiffers() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        bytes32 near = FIRST ^ bytes32(uint256(1) << 24);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, near, bytes29(FIRST)));
        anchorAs(ALICE, INCIDENT, SECOND, near);
    }

    /// @dev The head keeps 232 bits; the event and the tag carry `previous` whole, so a reader sees the difference.
    function test_anchor_comparesTheFirst232BitsOfPreviousAndRecordsAll() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        bytes32 near = FIRST ^ bytes32(uint256(1));
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Anchored(ALICE, INCIDENT, SECOND, near, DIGEST, 2);
        anchorAs(ALICE, INCIDENT, SECOND, near);
        (bytes19 tag,,,,) = registry.entryOf(ALICE, SECOND);
        assertTrue(tag != registry.tagOf(INCIDENT, FIRST, DIGEST), "tag of the true head");
    }

    /// @dev A head whose stored prefix is all zero is a head all the same: its ordinal is not.
    function test_anchor_failsIfTheHeadHasAZeroPrefixAndPreviousIsNotIt() public {
        anchorAs(ALICE, INCIDENT, bytes32(uint256(5)), 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, FIRST, bytes29(0)));
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
    }

    function test_anchor_failsIfTheHistoryIsFull() public {
        vm.store(address(registry), headPlace(ALICE, INCIDENT), bytes32(packHead(FIRST, 65_534)));
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        (,,, uint16 ordinal, uint8 flags) = registry.entryOf(ALICE, SECOND);
        assertEq(ordinal, 65_535, "last ordinal");
        assertEq(flags, 0, "flags");
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.HistoryFull.selector, ALICE, INCIDENT));
        anchorAs(ALICE, INCIDENT, THIRD, SECOND);
    }

    function test_anchor_failsIfTheTimeDoesNotFit() public {
        vm.warp(type(uint40).max);
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.warp(uint256(type(uint40).max) + 1);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ClockOutOfRange.selector));
        anchorAs(BOB, INCIDENT, FIRST, 0);
    }

    function test_anchor_failsIfTheBlockNumberDoesNotFit() public {
        vm.roll(type(uint40).max);
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        vm.roll(uint256(type(uint40).max) + 1);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ClockOutOfRange.selector));
        anchorAs(BOB, INCIDENT, FIRST, 0);
    }

    function test_anchor_failsIfEtherIsSent() public {
        vm.deal(address(this), 1 ether);
        bytes memory call = abi.encodeCall(IIncidentRegistry.anchor, (INCIDENT, FIRST, 0, DIGEST));
        (bool anchored,) = address(registry).call{value: 1}(call);
        (bool received,) = address(registry).call{value: 1}("");
        (bool unknown,) = address(registry).call(hex"deadbeef");
        (bool empty,) = address(registry).call("");
        assertTrue(!anchored && !received && !unknown && !empty, "a call that must revert");
    }

    function test_anchor_failsIfCalldataIsShort() public {
        bytes memory data = abi.encodeCall(IIncidentRegistry.anchor, (INCIDENT, FIRST, 0, DIGEST));
        assembly ("memory-safe") {
            mstore(data, sub(mload(data), 1))
        }
        (bool done,) = address(registry).call(data);
        assertTrue(!done, "short calldata");
    }

    // ------------------------------------------------------------------------------- strangers change nothing

    function test_anchor_copyingARootFirstChangesNothingForItsPublisher() public {
        anchorAs(BOB, INCIDENT, FIRST, 0);
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), packHead(FIRST, 1), "head");
        assertEq(registry.entrySlotOf(ALICE, FIRST), packEntry(INCIDENT, 0, DIGEST, TIME, NUMBER, 1, 0), "entry");
    }

    function test_anchor_incidentsOfOnePublisherAreApart() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        anchorAs(ALICE, OTHER_INCIDENT, SECOND, 0);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), packHead(FIRST, 1), "first incident");
        assertEq(registry.headSlotOf(ALICE, OTHER_INCIDENT), packHead(SECOND, 1), "second incident");
    }

    // ------------------------------------------------------------------------------------------------- the code

    function test_code_isTheOneThatPythonShips() public view {
        string memory json = vm.readFile("../archive/chain/artifacts/IncidentRegistry.json");
        bytes memory shipped = vm.parseJsonBytes(json, ".bytecode");
        assertEq(keccak256(type(IncidentRegistry).creationCode), keccak256(shipped), "creation code");
        assertEq(keccak256(address(registry).code), keccak256(vm.parseJsonBytes(json, ".deployed_bytecode")), "code");
    }

    function test_code_hasOneCreate2AddressEverywhere() public {
        bytes32 codeHash = keccak256(type(IncidentRegistry).creationCode);
        address expected =
            address(uint160(uint256(keccak256(abi.encodePacked(bytes1(0xff), address(this), bytes32(0), codeHash)))));
        assertTrue(address(new IncidentRegistry{salt: 0}()) == expected, "address");
    }

    // ------------------------------------------------------------------------------------------------------ fuzz

    function testFuzz_anchor_writesWhatTheLayoutSays(
        address publisher,
        bytes32 incident,
        bytes32 root,
        bytes32 previous,
        bytes32 digest,
        uint40 time,
        uint40 number
    ) public {
        vm.assume(incident != 0 && root != 0);
        vm.warp(time);
        vm.roll(number);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Anchored(publisher, incident, root, previous, digest, 1);
        vm.prank(publisher);
        registry.anchor(incident, root, previous, digest);
        uint256 expected = packEntry(incident, previous, digest, time, number, 1, 0);
        assertEq(registry.entrySlotOf(publisher, root), expected, "entry");
        assertEq(registry.headSlotOf(publisher, incident), packHead(root, 1), "head");
    }

    function testFuzz_anchor_failsIfPreviousIsNotTheHead(bytes32 root, bytes32 next, bytes32 previous) public {
        vm.assume(root != 0 && next != 0 && next != root);
        vm.assume(bytes29(previous) != bytes29(root));
        anchorAs(ALICE, INCIDENT, root, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, previous, bytes29(root)));
        anchorAs(ALICE, INCIDENT, next, previous);
    }

    function testFuzz_anchor_failsIfAnchoredTwice(bytes32 incident, bytes32 root, bytes32 previous, bytes32 digest)
        public
    {
        vm.assume(incident != 0 && root != 0);
        anchorAs(ALICE, INCIDENT, root, 0);
        uint256 before = registry.entrySlotOf(ALICE, root);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchored.selector, ALICE, root));
        vm.prank(ALICE);
        registry.anchor(incident, root, previous, digest);
        assertEq(registry.entrySlotOf(ALICE, root), before, "entry");
    }

    function testFuzz_anchor_touchesNobodyElse(address publisher, address other, bytes32 incident, bytes32 root)
        public
    {
        vm.assume(incident != 0 && root != 0 && publisher != other);
        anchorAs(publisher, incident, root, 0);
        assertEq(registry.entrySlotOf(other, root), 0, "entry of another");
        assertEq(registry.headSlotOf(other, incident), 0, "head of another");
    }

    /// @dev Calldata cut short or continued, selectors by chance: nothing but a whole call of an act writes.
    function testFuzz_call_writesOnlyThroughTheActs(bytes calldata data) public {
        vm.assume(data.length < 36 || !_isAct(bytes4(data)));
        vm.recordLogs();
        (bool done,) = address(registry).call(data);
        assertEq(vm.getRecordedLogs().length, 0, "events");
        if (data.length >= 4 && _isAct(bytes4(data))) assertTrue(!done, "a short act");
    }

    function testFuzz_call_failsIfAnActIsCutShort(uint256 which, bytes32 words, uint256 length) public {
        bytes4 selector = _acts()[which % 10];
        bytes memory data = abi.encodePacked(selector, words);
        length = length % 36;
        assembly ("memory-safe") {
            mstore(data, length)
        }
        (bool done,) = address(registry).call(data);
        assertTrue(!done, "a short act");
    }

    function _isAct(bytes4 selector) private pure returns (bool) {
        bytes4[10] memory acts = _acts();
        for (uint256 i; i < acts.length; ++i) {
            if (acts[i] == selector) return true;
        }
        return false;
    }

    function _acts() private pure returns (bytes4[10] memory) {
        return [
            IIncidentRegistry.anchor.selector,
            IIncidentRegistry.anchorFor.selector,
            IIncidentRegistry.anchorBatch.selector,
            IIncidentRegistry.endorse.selector,
            IIncidentRegistry.endorseFor.selector,
            IIncidentRegistry.withdraw.selector,
            IIncidentRegistry.withdrawFor.selector,
            IIncidentRegistry.retract.selector,
            IIncidentRegistry.retractFor.selector,
            IIncidentRegistry.cancel.selector
        ];
    }
}
