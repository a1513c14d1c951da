// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IIncidentRegistry} from "../../src/interfaces/IIncidentRegistry.sol";

/// @notice A wallet of k of n owners that works as Safe does: owners sign the wallet's own message hash (its EIP-712
/// `SafeMessage(bytes message)` over the hash asked about), signatures come concatenated, by ascending owner.
contract MultisigWallet {
    bytes32 private constant _DOMAIN_TYPE = keccak256("EIP712Domain(uint256 chainId,address verifyingContract)");
    bytes32 private constant _MESSAGE_TYPE = keccak256("SafeMessage(bytes message)");

    mapping(address owner => bool) public isOwner;
    uint256 public immutable threshold;

    error NotEnoughSignatures();
    error NotAnOwner(address found);

    constructor(address[] memory owners, uint256 threshold_) {
        for (uint256 i; i < owners.length; ++i) {
            isOwner[owners[i]] = true;
        }
        threshold = threshold_;
    }

    function messageHash(bytes32 hash) public view returns (bytes32) {
        bytes32 domain = keccak256(abi.encode(_DOMAIN_TYPE, block.chainid, address(this)));
        bytes32 message = keccak256(abi.encode(_MESSAGE_TYPE, keccak256(abi.encode(hash))));
        return keccak256(abi.encodePacked(hex"1901", domain, message));
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length < threshold * 65) revert NotEnoughSignatures();
        bytes32 digest = messageHash(hash);
        address last;
        for (uint256 i; i < threshold; ++i) {
            bytes calldata part = signature[i * 65:(i + 1) * 65];
            address owner = ecrecover(digest, uint8(part[64]), bytes32(part[:32]), bytes32(part[32:64]));
            if (owner <= last || !isOwner[owner]) revert NotAnOwner(owner);
            last = owner;
        }
        return 0x1626ba7e;
    }

    /// @notice Owners can have the wallet call; here anybody can, which is enough for tests.
    function execute(address target, bytes calldata data) external {
        (bool done, bytes memory answer) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}

/// @notice Answers whatever it was told to, of any size, or fails.
contract AnsweringWallet {
    enum Way {
        Return,
        Revert,
        Stop,
        Burn
    }

    Way public way;
    bytes32 public word;
    uint256 public size;

    function set(Way way_, bytes32 word_, uint256 size_) external {
        (way, word, size) = (way_, word_, size_);
    }

    fallback() external {
        (Way how, bytes32 first, uint256 length) = (way, word, size);
        if (how == Way.Burn) while (true) {}
        if (how == Way.Stop) return;
        assembly ("memory-safe") {
            let place := mload(0x40)
            mstore(place, first)
            if eq(how, 1) { revert(place, length) }
            return(place, length)
        }
    }
}

/// @notice Says yes to all, and tries to act in the registry while it is asked.
contract ReenteringWallet {
    IIncidentRegistry public immutable registry;
    bytes public call;

    constructor(IIncidentRegistry registry_) {
        registry = registry_;
    }

    function set(bytes calldata call_) external {
        call = call_;
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool done,) = address(registry).call(call);
        // Should the call ever succeed, the signature would not.
        return done ? bytes4(0) : bytes4(0x1626ba7e);
    }
}
