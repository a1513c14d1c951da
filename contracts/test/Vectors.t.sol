// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIncidentRegistry} from "../src/interfaces/IIncidentRegistry.sol";
import {RegistryTest} from "./support/Test.sol";
import {Tree} from "./support/Tree.sol";

/// @notice The contract, and a second implementation of the tree, against the vectors that Python wrote.
contract VectorsTest is RegistryTest {
    function test_requests_areAcceptedOrRefusedAsPythonSays() public {
        string memory json = vm.readFile("../tests/vectors/requests.json");
        uint256 seen;
        for (; vm.keyExistsJson(json, _at(seen, "")); ++seen) {
            _request(json, seen);
        }
        assertTrue(seen >= 30, "vectors");
    }

    function _request(string memory json, uint256 index) private {
        address place = vm.parseJsonAddress(json, _at(index, ".input.registry"));
        vm.etch(place, address(registry).code);
        vm.chainId(vm.parseJsonUint(json, _at(index, ".input.chain_id")));
        bool valid = keccak256(bytes(vm.parseJsonString(json, _at(index, ".expected")))) == keccak256("valid");
        bytes memory call = vm.parseJsonBytes(json, _at(index, ".output.calldata"));
        bytes32 digest = vm.parseJsonBytes32(json, _at(index, ".output.digest"));
        bytes32 request = vm.parseJsonBytes32(json, _at(index, ".output.struct_hash"));
        bytes32 domain = IIncidentRegistry(place).domainSeparator();
        assertEq(keccak256(abi.encodePacked(hex"1901", domain, request)), digest, "digest");

        (bool done, bytes memory answer) = place.call(call);
        assertTrue(done == valid, vm.parseJsonString(json, _at(index, ".name")));
        if (!valid) {
            // The digest in the error is the contract's own.
            address account = vm.parseJsonAddress(json, _at(index, ".input.message.publisher"));
            bytes memory expected = abi.encodeWithSelector(IIncidentRegistry.BadSignature.selector, account, digest);
            assertEq(keccak256(answer), keccak256(expected), "error");
            return;
        }
        // Each vector begins with nothing done.
        (bool again,) = place.call(call);
        assertTrue(!again, "done twice");
        _forget(place, json, index);
    }

    function _forget(address place, string memory json, uint256 index) private {
        bytes32 act = keccak256(bytes(vm.parseJsonString(json, _at(index, ".input.act"))));
        bytes32 root = vm.parseBytes32(string.concat("0x", vm.parseJsonString(json, _at(index, ".input.message.root"))));
        bool endorsing = act == keccak256("endorse") || act == keccak256("withdraw");
        address account =
            vm.parseJsonAddress(json, _at(index, endorsing ? ".input.message.endorser" : ".input.message.publisher"));
        uint256 slot = endorsing ? 3 : act == keccak256("retract") ? 4 : 0;
        bytes32 where = keccak256(abi.encode(root, keccak256(abi.encode(account, slot))));
        assertTrue(vm.load(place, where) != 0, "nothing was written");
        vm.store(place, where, 0);
        if (slot == 0) {
            bytes32 incident = vm.parseJsonBytes32(json, _at(index, ".input.message.incident"));
            vm.store(place, keccak256(abi.encode(incident, keccak256(abi.encode(account, uint256(1))))), 0);
        }
    }

    function test_tree_givesTheRootsThatPythonGives() public view {
        string memory json = vm.readFile("../tests/vectors/merkle.json");
        uint256 seen;
        for (uint256 i; vm.keyExistsJson(json, _at(i, "")); ++i) {
            if (!vm.keyExistsJson(json, _at(i, ".input.leaf_data_hex"))) continue;
            string[] memory data = vm.parseJsonStringArray(json, _at(i, ".input.leaf_data_hex"));
            bytes32[] memory leaves = new bytes32[](data.length);
            for (uint256 item; item < data.length; ++item) {
                leaves[item] = Tree.leaf(vm.parseBytes(string.concat("0x", data[item])));
            }
            bytes32 expected = vm.parseBytes32(string.concat("0x", vm.parseJsonString(json, _at(i, ".output.root"))));
            assertEq(Tree.rootOf(leaves), expected, "root");
            ++seen;
        }
        assertTrue(seen >= 5, "vectors");
    }

    function test_batches_areThoseThatPythonMakes() public view {
        string memory json = vm.readFile("../tests/vectors/batches.json");
        uint256 seen;
        for (; vm.keyExistsJson(json, _at(seen, "")); ++seen) {
            bytes32 root = vm.parseJsonBytes32(json, _at(seen, ".output.root"));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, _at(seen, ".output.leaves"));
            uint256[] memory indexes = vm.parseJsonUintArray(json, _at(seen, ".output.indexes"));
            bytes32[] memory sorted = new bytes32[](leaves.length);
            for (uint256 item; item < leaves.length; ++item) {
                assertEq(_leaf(json, seen, item), leaves[item], "leaf");
                sorted[indexes[item]] = leaves[item];
                bytes32[] memory path = vm.parseJsonBytes32Array(json, _item(seen, ".output.paths", item, ""));
                assertEq(Tree.rootByPath(leaves[item], indexes[item], leaves.length, path), root, "path");
            }
            assertEq(Tree.rootOf(sorted), root, "root");
        }
        assertTrue(seen >= 5, "vectors");
    }

    function _leaf(string memory json, uint256 index, uint256 item) private pure returns (bytes32) {
        return Tree.batchLeaf(
            vm.parseJsonBytes32(json, _item(index, ".input.members", item, ".incident_key")),
            vm.parseJsonBytes32(json, _item(index, ".input.members", item, ".root")),
            vm.parseJsonBytes32(json, _item(index, ".input.members", item, ".content_digest"))
        );
    }

    function _at(uint256 index, string memory key) private pure returns (string memory) {
        return string.concat(".vectors[", vm.toString(index), "]", key);
    }

    function _item(uint256 index, string memory list, uint256 item, string memory key)
        private
        pure
        returns (string memory)
    {
        return string.concat(_at(index, list), "[", vm.toString(item), "]", key);
    }
}
