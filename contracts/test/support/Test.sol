// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IncidentRegistry} from "../../src/IncidentRegistry.sol";
import {Vm} from "./Vm.sol";

/// @notice Assertions, and the storage layout written down a second time.
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error NotEqual(uint256 found, uint256 expected, string what);
    error NotTrue(string what);

    function assertEq(uint256 found, uint256 expected, string memory what) internal pure {
        if (found != expected) revert NotEqual(found, expected, what);
    }

    function assertEq(bytes32 found, bytes32 expected, string memory what) internal pure {
        if (found != expected) revert NotEqual(uint256(found), uint256(expected), what);
    }

    function assertTrue(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    function entryPlace(address publisher, bytes32 root) internal pure returns (bytes32) {
        return keccak256(abi.encode(root, keccak256(abi.encode(publisher, uint256(0)))));
    }

    function headPlace(address publisher, bytes32 incident) internal pure returns (bytes32) {
        return keccak256(abi.encode(incident, keccak256(abi.encode(publisher, uint256(1)))));
    }

    /// @dev The entry as the design states it, put together by multiplication, not by the code under test.
    function packEntry(
        bytes32 incident,
        bytes32 previous,
        bytes32 contentDigest,
        uint256 time,
        uint256 number,
        uint256 ordinal,
        uint256 flags
    ) internal pure returns (uint256) {
        uint256 tag = uint256(keccak256(abi.encode(incident, previous, contentDigest))) / 2 ** 104;
        return tag * 2 ** 104 + time * 2 ** 64 + number * 2 ** 24 + ordinal * 2 ** 8 + flags;
    }

    function packHead(bytes32 root, uint256 ordinal) internal pure returns (uint256) {
        return uint256(root) / 2 ** 24 * 2 ** 24 + ordinal;
    }
}

/// @notice A fresh registry for each test, at a known time and block.
abstract contract RegistryTest is Test {
    IncidentRegistry internal registry;

    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    bytes32 internal constant INCIDENT = keccak256("2025-10-11-binance-liquidations");
    bytes32 internal constant OTHER_INCIDENT = keccak256("2022-11-ftx-collapse");
    bytes32 internal constant FIRST = keccak256("root 1");
    bytes32 internal constant SECOND = keccak256("root 2");
    bytes32 internal constant THIRD = keccak256("root 3");
    bytes32 internal constant DIGEST = keccak256("content");
    uint256 internal constant TIME = 1_760_130_982;
    uint256 internal constant NUMBER = 64_000_000;

    function setUp() public virtual {
        registry = new IncidentRegistry();
        vm.warp(TIME);
        vm.roll(NUMBER);
    }

    function anchorAs(address publisher, bytes32 incident, bytes32 root, bytes32 previous) internal {
        vm.prank(publisher);
        registry.anchor(incident, root, previous, DIGEST);
    }
}

/// @notice Signed requests, put together as EIP-712 says, not by the code under test.
abstract contract SigningTest is RegistryTest {
    uint256 internal constant KEY = uint256(keccak256("key of a publisher"));
    uint256 internal constant OTHER_KEY = uint256(keccak256("key of somebody else"));
    uint256 internal constant DEADLINE = TIME + 1 days;
    address internal signer;

    function setUp() public virtual override {
        super.setUp();
        signer = vm.addr(KEY);
    }

    function anchorDigest(address publisher, bytes32 incident, bytes32 root, bytes32 previous, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256(
            "Anchor(address publisher,bytes32 incident,bytes32 root,bytes32 previous,bytes32 contentDigest,uint256 deadline)"
        );
        return digestOf(keccak256(abi.encode(kind, publisher, incident, root, previous, DIGEST, deadline)));
    }

    function endorseDigest(address endorser, bytes32 root, uint256 deadline) internal view returns (bytes32) {
        bytes32 kind = keccak256("Endorse(address endorser,bytes32 root,uint256 deadline)");
        return digestOf(keccak256(abi.encode(kind, endorser, root, deadline)));
    }

    function withdrawDigest(address endorser, bytes32 root, uint256 deadline) internal view returns (bytes32) {
        bytes32 kind = keccak256("Withdraw(address endorser,bytes32 root,uint256 deadline)");
        return digestOf(keccak256(abi.encode(kind, endorser, root, deadline)));
    }

    function retractDigest(address publisher, bytes32 root, string memory reason, uint256 deadline)
        internal
        view
        returns (bytes32)
    {
        bytes32 kind = keccak256("Retract(address publisher,bytes32 root,string reason,uint256 deadline)");
        return digestOf(keccak256(abi.encode(kind, publisher, root, keccak256(bytes(reason)), deadline)));
    }

    function digestOf(bytes32 request) internal view returns (bytes32) {
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(kind, keccak256("IncidentArchive"), keccak256("1"), block.chainid, address(registry)));
        return keccak256(bytes.concat(bytes2(0x1901), domain, request));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev An act's word: flags in the lowest byte, the clock where an entry has it.
    function packAct(uint256 top, uint256 time, uint256 number, uint256 flags) internal pure returns (uint256) {
        return top * 2 ** 104 + time * 2 ** 64 + number * 2 ** 24 + flags;
    }

    function place(address account, bytes32 key, uint256 slot) internal pure returns (bytes32) {
        return keccak256(abi.encode(key, keccak256(abi.encode(account, slot))));
    }
}
