// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Ownable} from "./Ownable.sol";

error Overloaded(uint256 kilos);

interface IVehicle {
    function load(uint256 parcel) external;
}

library Weights {
    /// Whether two people must carry.
    function isHeavy(uint256 grams) internal pure returns (bool) {
        return grams > 31500;
    }
}

/// @title Parcels that wait for a van.
contract Queue is Ownable {
    using Weights for uint256;

    struct Parcel {
        uint256 grams;
        uint8 attempts;
    }

    enum Care { Fragile, TwoPeople }

    event Postponed(uint256 indexed parcel, uint8 attempts);

    mapping(uint256 => Parcel) public parcels;

    modifier onlyLoader() {
        require(msg.sender == loader, "not the loader");
        _;
    }

    constructor(address first) Ownable(first) {
        loader = first;
    }

    /// Puts a parcel off; the third time it goes back to its sender.
    function postpone(uint256 id) external onlyLoader returns (bool) {
        Parcel storage parcel = parcels[id];
        parcel.attempts += 1;
        emit Postponed(id, parcel.attempts);
        return parcel.attempts < 3;
    }

    receive() external payable {}
}
