// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIncidentRegistry} from "../src/interfaces/IIncidentRegistry.sol";
import {SigningTest} from "./support/Test.sol";
import {AnsweringWallet, MultisigWallet, ReenteringWallet} from "./support/Wallets.sol";
import {Vm} from "./support/Vm.sol";

/// @notice Batches, endorsements, retractions, and all that is done for another by its signature.
contract ActsTest is SigningTest {
    string private constant REASON = "rows 12 to 40 were misread";

    // ---------------------------------------------------------------------------------------------------- batches

    function test_anchorBatch_writesOneSlotAndOneEvent() public {
        vm.recordLogs();
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.BatchAnchored(ALICE, FIRST, 100_000);
        vm.prank(ALICE);
        registry.anchorBatch(FIRST, 100_000);
        uint256 expected = packAct(100_000, TIME, NUMBER, 1);
        assertEq(registry.batchSlotOf(ALICE, FIRST), expected, "slot by view");
        assertEq(vm.load(address(registry), place(ALICE, FIRST, 2)), bytes32(expected), "slot in storage");
        (uint32 count, uint40 time, uint40 number, uint8 flags) = registry.batchOf(ALICE, FIRST);
        assertTrue(count == 100_000 && time == TIME && number == NUMBER && flags == 1, "decoded");
    }

    function test_anchorBatch_neverProvesARootNorTheReverse() public {
        vm.prank(ALICE);
        registry.anchorBatch(FIRST, 1);
        assertEq(registry.entrySlotOf(ALICE, FIRST), 0, "an entry by a batch");
        anchorAs(ALICE, INCIDENT, SECOND, 0);
        assertEq(registry.batchSlotOf(ALICE, SECOND), 0, "a batch by an entry");
        // Both can be had, and neither touches the other.
        anchorAs(ALICE, OTHER_INCIDENT, FIRST, 0);
        assertEq(registry.batchSlotOf(ALICE, FIRST), packAct(1, TIME, NUMBER, 1), "batch");
    }

    function test_anchorBatch_aStrangersActsChangeNothing() public {
        vm.prank(BOB);
        registry.anchorBatch(FIRST, 7);
        anchorAs(BOB, INCIDENT, FIRST, 0);
        vm.prank(ALICE);
        registry.anchorBatch(FIRST, 2);
        assertEq(registry.batchSlotOf(ALICE, FIRST), packAct(2, TIME, NUMBER, 1), "batch");
    }

    function test_anchorBatch_failsIfRootIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroRoot.selector));
        registry.anchorBatch(0, 1);
    }

    function test_anchorBatch_failsIfCountIsZeroOrAbove2To24() public {
        registry.anchorBatch(FIRST, 2 ** 24);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.CountOutOfRange.selector, 0));
        registry.anchorBatch(SECOND, 0);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.CountOutOfRange.selector, 2 ** 24 + 1));
        registry.anchorBatch(SECOND, 2 ** 24 + 1);
    }

    function test_anchorBatch_failsIfAnchoredBefore() public {
        registry.anchorBatch(FIRST, 3);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchoredBatch.selector, address(this), FIRST));
        registry.anchorBatch(FIRST, 4);
    }

    function test_anchorBatch_failsIfTheClockDoesNotFit() public {
        vm.warp(uint256(type(uint40).max) + 1);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ClockOutOfRange.selector));
        registry.anchorBatch(FIRST, 3);
    }

    // ----------------------------------------------------------------------------------------------- endorsements

    function test_endorse_writesTheSlotAndTheEvent() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Endorsed(ALICE, FIRST);
        vm.prank(ALICE);
        registry.endorse(FIRST);
        uint256 expected = packAct(0, TIME, NUMBER, 1);
        assertEq(registry.endorsementSlotOf(ALICE, FIRST), expected, "slot by view");
        assertEq(vm.load(address(registry), place(ALICE, FIRST, 3)), bytes32(expected), "slot in storage");
    }

    function test_endorse_failsIfRootIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroRoot.selector));
        registry.endorse(0);
    }

    function test_endorse_failsIfEndorsedBefore() public {
        registry.endorse(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyEndorsed.selector, address(this), FIRST));
        registry.endorse(FIRST);
    }

    function test_withdraw_keepsWhatWasEndorsedAndIsTerminal() public {
        vm.prank(ALICE);
        registry.endorse(FIRST);
        vm.warp(TIME + 60);
        vm.roll(NUMBER + 9);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.EndorsementWithdrawn(ALICE, FIRST);
        vm.prank(ALICE);
        registry.withdraw(FIRST);
        (uint40 time, uint40 number, uint40 wTime, uint40 wNumber, uint8 flags) = registry.endorsementOf(ALICE, FIRST);
        assertTrue(time == TIME && number == NUMBER, "endorsed");
        assertTrue(wTime == TIME + 60 && wNumber == NUMBER + 9, "withdrawn");
        assertEq(flags, 3, "flags");
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyWithdrawn.selector, ALICE, FIRST));
        vm.prank(ALICE);
        registry.withdraw(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyWithdrawn.selector, ALICE, FIRST));
        vm.prank(ALICE);
        registry.endorse(FIRST);
    }

    function test_withdraw_rulesOutAnEndorsementThatWasNotMade() public {
        vm.prank(signer);
        registry.withdraw(FIRST);
        bytes memory signature = sign(KEY, endorseDigest(signer, FIRST, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyWithdrawn.selector, signer, FIRST));
        registry.endorseFor(signer, FIRST, DEADLINE, signature);
        (uint40 time, uint40 number, uint40 wTime, uint40 wNumber, uint8 flags) = registry.endorsementOf(signer, FIRST);
        assertTrue(time == 0 && number == 0 && wTime == TIME && wNumber == NUMBER && flags == 2, "decoded");
    }

    function test_withdraw_failsIfRootIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroRoot.selector));
        registry.withdraw(0);
    }

    // ------------------------------------------------------------------------------------------------ retractions

    function test_retract_needsNoEntryAndWritesTheSlotAndTheEvent() public {
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Retracted(ALICE, FIRST, REASON);
        vm.prank(ALICE);
        registry.retract(FIRST, REASON);
        uint256 expected = packAct(uint256(keccak256(bytes(REASON))) / 2 ** 104, TIME, NUMBER, 1);
        assertEq(registry.retractionSlotOf(ALICE, FIRST), expected, "slot by view");
        assertEq(vm.load(address(registry), place(ALICE, FIRST, 4)), bytes32(expected), "slot in storage");
        (bytes19 tag, uint40 time, uint40 number, uint8 flags) = registry.retractionOf(ALICE, FIRST);
        assertEq(tag, bytes19(keccak256(bytes(REASON))), "tag");
        assertTrue(time == TIME && number == NUMBER && flags == 1, "decoded");
    }

    function test_retract_changesNoEntryAndTheHistoryGoesOn() public {
        anchorAs(ALICE, INCIDENT, FIRST, 0);
        uint256 entry = registry.entrySlotOf(ALICE, FIRST);
        vm.prank(ALICE);
        registry.retract(FIRST, REASON);
        assertEq(registry.entrySlotOf(ALICE, FIRST), entry, "entry");
        anchorAs(ALICE, INCIDENT, SECOND, FIRST);
        assertEq(registry.headSlotOf(ALICE, INCIDENT), packHead(SECOND, 2), "head");
    }

    function test_retract_ofAnotherSaysNothingOfThePublisher() public {
        vm.prank(BOB);
        registry.retract(FIRST, REASON);
        assertEq(registry.retractionSlotOf(ALICE, FIRST), 0, "retraction");
    }

    function test_retract_failsIfRetractedBefore() public {
        registry.retract(FIRST, REASON);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyRetracted.selector, address(this), FIRST));
        registry.retract(FIRST, "another reason");
    }

    function test_retract_failsIfRootIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ZeroRoot.selector));
        registry.retract(0, REASON);
    }

    function test_retract_failsIfReasonIsEmptyOrAbove512Bytes() public {
        registry.retract(FIRST, string(new bytes(512)));
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ReasonOutOfRange.selector, 0));
        registry.retract(SECOND, "");
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.ReasonOutOfRange.selector, 513));
        registry.retract(SECOND, string(new bytes(513)));
    }

    // --------------------------------------------------------------------------------------- acts for another

    function test_anchorFor_writesWhatAnchorWritesAndMarksTheRelay() public {
        bytes memory signature = sign(KEY, anchorDigest(signer, INCIDENT, FIRST, 0, DEADLINE));
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Anchored(signer, INCIDENT, FIRST, 0, DIGEST, 1);
        vm.prank(BOB);
        registry.anchorFor(signer, INCIDENT, FIRST, 0, DIGEST, DEADLINE, signature);
        assertEq(registry.entrySlotOf(signer, FIRST), packEntry(INCIDENT, 0, DIGEST, TIME, NUMBER, 1, 0x10), "entry");
        assertEq(registry.headSlotOf(signer, INCIDENT), packHead(FIRST, 1), "head");
        assertEq(registry.entrySlotOf(BOB, FIRST), 0, "entry of the relay");
    }

    function test_anchorFor_requestsNeedNoOrderButTheHistoryDoes() public {
        bytes memory first = sign(KEY, anchorDigest(signer, INCIDENT, FIRST, 0, DEADLINE));
        bytes memory second = sign(KEY, anchorDigest(signer, INCIDENT, SECOND, FIRST, DEADLINE));
        bytes memory other = sign(KEY, anchorDigest(signer, OTHER_INCIDENT, THIRD, 0, DEADLINE));
        registry.anchorFor(signer, OTHER_INCIDENT, THIRD, 0, DIGEST, DEADLINE, other);
        registry.anchorFor(signer, INCIDENT, FIRST, 0, DIGEST, DEADLINE, first);
        registry.anchorFor(signer, INCIDENT, SECOND, FIRST, DIGEST, DEADLINE, second);
        assertEq(registry.headSlotOf(signer, INCIDENT), packHead(SECOND, 2), "head");
    }

    function test_anchorFor_failsIfItForksTheHistory() public {
        vm.prank(signer);
        registry.anchor(INCIDENT, FIRST, 0, DIGEST);
        bytes memory signature = sign(KEY, anchorDigest(signer, INCIDENT, SECOND, 0, DEADLINE));
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.NotHead.selector, bytes32(0), bytes29(FIRST)));
        registry.anchorFor(signer, INCIDENT, SECOND, 0, DIGEST, DEADLINE, signature);
    }

    /// @dev A relay that was overtaken is told so, and not that the signature is bad, whoever came first.
    function test_relays_thatWereOvertakenCanTell() public {
        bytes memory signature = sign(KEY, anchorDigest(signer, INCIDENT, FIRST, 0, DEADLINE));
        registry.anchorFor(signer, INCIDENT, FIRST, 0, DIGEST, DEADLINE, signature);
        vm.startPrank(signer);
        registry.endorse(FIRST);
        registry.retract(FIRST, REASON);
        vm.stopPrank();
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyAnchored.selector, signer, FIRST));
        registry.anchorFor(signer, INCIDENT, FIRST, 0, DIGEST, DEADLINE, signature);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyEndorsed.selector, signer, FIRST));
        registry.endorseFor(signer, FIRST, DEADLINE, signature);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyRetracted.selector, signer, FIRST));
        registry.retractFor(signer, FIRST, REASON, DEADLINE, signature);
        vm.prank(signer);
        registry.withdraw(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyWithdrawn.selector, signer, FIRST));
        registry.withdrawFor(signer, FIRST, DEADLINE, signature);
    }

    function test_endorseFor_marksTheRelay() public {
        registry.endorseFor(signer, FIRST, DEADLINE, sign(KEY, endorseDigest(signer, FIRST, DEADLINE)));
        assertEq(registry.endorsementSlotOf(signer, FIRST), packAct(0, TIME, NUMBER, 0x11), "slot");
    }

    function test_withdrawFor_marksTheRelay() public {
        registry.withdrawFor(signer, FIRST, DEADLINE, sign(KEY, withdrawDigest(signer, FIRST, DEADLINE)));
        (,,,, uint8 flags) = registry.endorsementOf(signer, FIRST);
        assertEq(flags, 0x22, "flags");
    }

    function test_retractFor_marksTheRelay() public {
        bytes memory signature = sign(KEY, retractDigest(signer, FIRST, REASON, DEADLINE));
        registry.retractFor(signer, FIRST, REASON, DEADLINE, signature);
        (,,, uint8 flags) = registry.retractionOf(signer, FIRST);
        assertEq(flags, 0x11, "flags");
    }

    function test_endorseFor_failsIfExpired() public {
        bytes memory signature = sign(KEY, endorseDigest(signer, FIRST, DEADLINE));
        vm.warp(DEADLINE + 1);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.Expired.selector, DEADLINE));
        registry.endorseFor(signer, FIRST, DEADLINE, signature);
        vm.warp(DEADLINE);
        registry.endorseFor(signer, FIRST, DEADLINE, signature);
    }

    function test_endorseFor_failsIfTheRequestWasCancelled() public {
        bytes32 digest = endorseDigest(signer, FIRST, DEADLINE);
        vm.expectEmit(true, true, true, true, address(registry));
        emit IIncidentRegistry.Cancelled(signer, digest);
        vm.prank(signer);
        registry.cancel(digest);
        assertEq(registry.cancellationSlotOf(signer, digest), packAct(0, TIME, NUMBER, 1), "slot");
        bytes memory signature = sign(KEY, digest);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.RequestCancelled.selector, signer, digest));
        registry.endorseFor(signer, FIRST, DEADLINE, signature);
        // Another request of the same act is another digest.
        registry.endorseFor(signer, FIRST, DEADLINE + 1, sign(KEY, endorseDigest(signer, FIRST, DEADLINE + 1)));
    }

    function test_cancel_ofAnotherChangesNothing() public {
        bytes32 digest = endorseDigest(signer, FIRST, DEADLINE);
        vm.prank(BOB);
        registry.cancel(digest);
        registry.endorseFor(signer, FIRST, DEADLINE, sign(KEY, digest));
    }

    function test_cancel_failsIfCancelledBefore() public {
        registry.cancel(FIRST);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.AlreadyCancelled.selector, address(this), FIRST));
        registry.cancel(FIRST);
    }

    function test_endorseFor_failsIfSignedForAnotherAct() public {
        bytes memory signature = sign(KEY, withdrawDigest(signer, FIRST, DEADLINE));
        _refused(signer, FIRST, signature);
    }

    function test_endorseFor_failsIfSignedByAnotherKey() public {
        _refused(signer, FIRST, sign(OTHER_KEY, endorseDigest(signer, FIRST, DEADLINE)));
    }

    function test_endorseFor_failsIfSignedForAnotherChain() public {
        vm.chainId(56);
        bytes memory signature = sign(KEY, endorseDigest(signer, FIRST, DEADLINE));
        vm.chainId(97);
        _refused(signer, FIRST, signature);
    }

    function test_endorseFor_failsIfTheAccountIsZero() public {
        _refused(address(0), FIRST, new bytes(65));
        _refused(address(0), FIRST, "");
    }

    function test_endorseFor_failsIfSIsHigh() public {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, endorseDigest(signer, FIRST, DEADLINE));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        _refused(signer, FIRST, abi.encodePacked(r, bytes32(order - uint256(s)), uint8(55 - v)));
    }

    function test_endorseFor_failsIfTheSignatureHasAnotherSize() public {
        bytes memory whole = sign(KEY, endorseDigest(signer, FIRST, DEADLINE));
        _refused(signer, FIRST, "");
        _refused(signer, FIRST, bytes.concat(whole, hex"00"));
        assembly ("memory-safe") {
            mstore(whole, 64)
        }
        _refused(signer, FIRST, whole);
    }

    function _refused(address account, bytes32 root, bytes memory signature) private {
        bytes32 digest = endorseDigest(account, root, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.BadSignature.selector, account, digest));
        registry.endorseFor(account, root, DEADLINE, signature);
        assertEq(registry.endorsementSlotOf(account, root), 0, "slot");
    }

    // ------------------------------------------------------------------------------------------- contract wallets

    function test_wallet_multisigActsBySignatures() public {
        (MultisigWallet wallet, bytes memory both) = _multisig();
        registry.endorseFor(address(wallet), FIRST, DEADLINE, both);
        assertEq(registry.endorsementSlotOf(address(wallet), FIRST), packAct(0, TIME, NUMBER, 0x11), "slot");
    }

    function test_wallet_multisigActsByACall() public {
        (MultisigWallet wallet,) = _multisig();
        wallet.execute(address(registry), abi.encodeCall(IIncidentRegistry.anchor, (INCIDENT, FIRST, 0, DIGEST)));
        wallet.execute(address(registry), abi.encodeCall(IIncidentRegistry.withdraw, (FIRST)));
        assertEq(registry.headSlotOf(address(wallet), INCIDENT), packHead(FIRST, 1), "head");
    }

    function test_wallet_multisigAnchorsAndRetractsBySignatures() public {
        (MultisigWallet wallet,) = _multisig();
        address who = address(wallet);
        bytes memory both = _bothSign(wallet, anchorDigest(who, INCIDENT, FIRST, 0, DEADLINE));
        registry.anchorFor(who, INCIDENT, FIRST, 0, DIGEST, DEADLINE, both);
        both = _bothSign(wallet, retractDigest(who, FIRST, REASON, DEADLINE));
        registry.retractFor(who, FIRST, REASON, DEADLINE, both);
        assertEq(registry.entrySlotOf(who, FIRST), packEntry(INCIDENT, 0, DIGEST, TIME, NUMBER, 1, 0x10), "entry");
        assertTrue(registry.retractionSlotOf(who, FIRST) != 0, "retraction");
    }

    function test_wallet_failsIfOneOfTwoSignatures() public {
        (MultisigWallet wallet, bytes memory both) = _multisig();
        assembly ("memory-safe") {
            mstore(both, 65)
        }
        _refused(address(wallet), FIRST, both);
    }

    function test_wallet_failsIfSignaturesAreForAnotherWallet() public {
        (MultisigWallet wallet,) = _multisig();
        (MultisigWallet other,) = _multisig();
        // The same owners: the account is in what they sign.
        _refused(address(other), FIRST, _bothSign(wallet, endorseDigest(address(wallet), FIRST, DEADLINE)));
        _refused(address(other), FIRST, _bothSign(other, endorseDigest(address(wallet), FIRST, DEADLINE)));
    }

    function test_wallet_failsIfTheAnswerIsNotTheMagicWord() public {
        AnsweringWallet wallet = new AnsweringWallet();
        bytes32[5] memory words = [
            bytes32(0),
            bytes32(uint256(0x1626ba7e)),
            bytes32(bytes4(0xffffffff)),
            bytes32(bytes4(0x1626ba7e)) | bytes32(uint256(1)),
            bytes32(uint256(1))
        ];
        for (uint256 i; i < words.length; ++i) {
            wallet.set(AnsweringWallet.Way.Return, words[i], 32);
            _refused(address(wallet), FIRST, "x");
        }
    }

    function test_wallet_failsIfTheAnswerIsShortOrARevert() public {
        AnsweringWallet wallet = new AnsweringWallet();
        bytes32 magic = bytes32(bytes4(0x1626ba7e));
        wallet.set(AnsweringWallet.Way.Return, magic, 31);
        _refused(address(wallet), FIRST, "x");
        wallet.set(AnsweringWallet.Way.Return, magic, 4);
        _refused(address(wallet), FIRST, "x");
        wallet.set(AnsweringWallet.Way.Revert, magic, 32);
        _refused(address(wallet), FIRST, "x");
        wallet.set(AnsweringWallet.Way.Stop, magic, 32);
        _refused(address(wallet), FIRST, "x");
    }

    function test_wallet_thatReturnsMegabytesCostsNoMoreThanItBurnsItself() public {
        AnsweringWallet wallet = new AnsweringWallet();
        wallet.set(AnsweringWallet.Way.Return, bytes32(bytes4(0x1626ba7e)), 1_000_000);
        uint256 before = gasleft();
        (bool ok,) = address(wallet).staticcall("");
        uint256 own = before - gasleft();
        assertTrue(ok, "the wallet itself");
        before = gasleft();
        registry.endorseFor(address(wallet), FIRST, DEADLINE, "x");
        // Copying a megabyte would cost the registry millions of gas more.
        assertTrue(before - gasleft() < own + 100_000, "gas");
        assertTrue(registry.endorsementSlotOf(address(wallet), FIRST) != 0, "a long answer that begins right is right");
        wallet.set(AnsweringWallet.Way.Revert, 0, 1_000_000);
        _refused(address(wallet), SECOND, "x");
    }

    function test_wallet_thatBurnsAllGasIsRefusedAndNothingIsWritten() public {
        AnsweringWallet wallet = new AnsweringWallet();
        wallet.set(AnsweringWallet.Way.Burn, 0, 0);
        try registry.endorseFor{gas: 3_000_000}(address(wallet), FIRST, DEADLINE, "x") {
            assertTrue(false, "accepted");
        } catch {}
        assertEq(registry.endorsementSlotOf(address(wallet), FIRST), 0, "slot");
    }

    function test_wallet_thatReentersWritesNothingMore() public {
        ReenteringWallet wallet = new ReenteringWallet(registry);
        bytes[4] memory calls = [
            abi.encodeCall(IIncidentRegistry.anchor, (INCIDENT, SECOND, 0, DIGEST)),
            abi.encodeCall(IIncidentRegistry.endorse, (SECOND)),
            abi.encodeCall(IIncidentRegistry.retract, (SECOND, REASON)),
            abi.encodeCall(IIncidentRegistry.endorseFor, (address(wallet), SECOND, DEADLINE, ""))
        ];
        for (uint256 i; i < calls.length; ++i) {
            wallet.set(calls[i]);
            bytes32 root = keccak256(abi.encode(i));
            vm.recordLogs();
            // A write in a static call burns all gas that it was given.
            registry.endorseFor{gas: 10_000_000}(address(wallet), root, DEADLINE, "");
            Vm.Log[] memory logs = vm.getRecordedLogs();
            assertEq(logs.length, 1, "events");
            assertTrue(registry.endorsementSlotOf(address(wallet), root) != 0, "its own act");
        }
        assertEq(registry.entrySlotOf(address(wallet), SECOND), 0, "entry");
        assertEq(registry.endorsementSlotOf(address(wallet), SECOND), 0, "endorsement");
        assertEq(registry.retractionSlotOf(address(wallet), SECOND), 0, "retraction");
    }

    /// @dev An account with a key and with code (EIP-7702): the key's signature is enough, whatever the code says.
    function test_wallet_aKeysOwnSignatureComesFirst() public {
        AnsweringWallet code = new AnsweringWallet();
        vm.etch(signer, address(code).code);
        registry.endorseFor(signer, FIRST, DEADLINE, sign(KEY, endorseDigest(signer, FIRST, DEADLINE)));
        assertTrue(registry.endorsementSlotOf(signer, FIRST) != 0, "slot");
        _refused(signer, SECOND, sign(OTHER_KEY, endorseDigest(signer, SECOND, DEADLINE)));
    }

    function _multisig() private returns (MultisigWallet wallet, bytes memory both) {
        address[] memory owners = new address[](3);
        (owners[0], owners[1], owners[2]) = (signer, vm.addr(OTHER_KEY), ALICE);
        wallet = new MultisigWallet(owners, 2);
        both = _bothSign(wallet, endorseDigest(address(wallet), FIRST, DEADLINE));
    }

    function _bothSign(MultisigWallet wallet, bytes32 digest) private view returns (bytes memory) {
        bytes32 message = wallet.messageHash(digest);
        (bytes memory one, bytes memory two) = (sign(KEY, message), sign(OTHER_KEY, message));
        return signer < vm.addr(OTHER_KEY) ? bytes.concat(one, two) : bytes.concat(two, one);
    }

    // ------------------------------------------------------------------------------------------------------ fuzz

    /// @dev A good request with any one bit of any byte of its calldata flipped writes nothing for the account, unless
    /// the bit is one that says nothing (none here: every word is signed, and the encoding of the rest is exact enough
    /// that a flip either fails to decode or fails the signature), except that the offset may name the same bytes.
    function testFuzz_anchorFor_failsIfABitIsFlipped(uint256 offset, uint8 bit) public {
        bytes memory signature = sign(KEY, anchorDigest(signer, INCIDENT, FIRST, 0, DEADLINE));
        bytes memory call =
            abi.encodeCall(IIncidentRegistry.anchorFor, (signer, INCIDENT, FIRST, 0, DIGEST, DEADLINE, signature));
        // The last 31 bytes are padding, which the ABI lets be anything.
        offset = offset % (call.length - 31);
        call[offset] ^= bytes1(uint8(1) << (bit % 8));
        (bool done,) = address(registry).call(call);
        assertTrue(!done, "a flipped bit was accepted");
        assertEq(registry.entrySlotOf(signer, FIRST), 0, "entry");
        assertEq(registry.headSlotOf(signer, INCIDENT), 0, "head");
    }

    function testFuzz_retractFor_failsIfTheReasonDiffers(string calldata said, string calldata sent) public {
        vm.assume(keccak256(bytes(said)) != keccak256(bytes(sent)));
        bytes memory signature = sign(KEY, retractDigest(signer, FIRST, said, DEADLINE));
        bytes32 digest = retractDigest(signer, FIRST, sent, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.BadSignature.selector, signer, digest));
        registry.retractFor(signer, FIRST, sent, DEADLINE, signature);
    }

    function testFuzz_endorseFor_acceptsAnyKeyOnlyForItself(uint256 key, uint256 other, bytes32 root, uint256 deadline)
        public
    {
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        (key, other) = (key % (order - 1) + 1, other % (order - 1) + 1);
        vm.assume(root != 0 && key != other && deadline >= TIME);
        address account = vm.addr(key);
        bytes32 digest = endorseDigest(account, root, deadline);
        bytes memory bad = sign(other, digest);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.BadSignature.selector, account, digest));
        registry.endorseFor(account, root, deadline, bad);
        registry.endorseFor(account, root, deadline, sign(key, digest));
        assertEq(registry.endorsementSlotOf(account, root), packAct(0, TIME, NUMBER, 0x11), "slot");
    }

    function testFuzz_endorseFor_refusesAnySignatureByChance(bytes calldata signature, address account) public {
        // Precompiles answer; they are no wallets of anybody, and none answers the magic word.
        vm.assume(account.code.length == 0);
        bytes32 digest = endorseDigest(account, FIRST, DEADLINE);
        vm.expectRevert(abi.encodeWithSelector(IIncidentRegistry.BadSignature.selector, account, digest));
        registry.endorseFor(account, FIRST, DEADLINE, signature);
    }

    function testFuzz_anchorBatch_writesWhatTheLayoutSays(
        address publisher,
        bytes32 root,
        uint24 count,
        uint40 time,
        uint40 number
    ) public {
        vm.assume(root != 0 && count != 0);
        vm.warp(time);
        vm.roll(number);
        vm.prank(publisher);
        registry.anchorBatch(root, count);
        assertEq(registry.batchSlotOf(publisher, root), packAct(count, time, number, 1), "slot");
    }

    function testFuzz_withdraw_keepsTheWholeWord(address account, uint40 time, uint40 number, uint40 later) public {
        vm.warp(time);
        vm.roll(number);
        vm.prank(account);
        registry.endorse(FIRST);
        vm.warp(later);
        vm.roll(uint256(later) ^ 1);
        vm.prank(account);
        registry.withdraw(FIRST);
        uint256 expected = packAct(0, time, number, 3) + uint256(later) * 2 ** 216 + (uint256(later) ^ 1) * 2 ** 176;
        assertEq(registry.endorsementSlotOf(account, FIRST), expected, "slot");
    }
}
