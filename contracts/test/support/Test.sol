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
