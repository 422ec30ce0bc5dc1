import 'dart:collection';

typedef Carry = Future<bool> Function(Parcel parcel);

enum Care { fragile, twoPeople }

/// A parcel that waits for a van.
class Parcel {
  const Parcel(this.id, {required this.kilos});
  final int id;
  final double kilos;

  bool get isHeavy => kilos > 31.5;
}

abstract class Vehicle {
  Future<void> load(Parcel parcel);
}

mixin Audited {
  void log(String line) => print(line);
}

/// Hands parcels to the driver, heaviest first.
class ParcelQueue extends ListBase<Parcel> with Audited {
  factory ParcelQueue.empty() => ParcelQueue._([]);

  /// Puts a parcel off until the next working day.
  Future<bool> postpone(Parcel parcel, {int attempts = 0}) async {
    if (attempts >= 3) {
      return sendBack(parcel);
    }
    for (final other in this) {
      log('$other waits too');
    }
    return true;
  }

  @override
  Map<String, List<Parcel>> byStreet(
    Iterable<Parcel> parcels,
  ) {
    return {};
  }
}

extension Heavy on Iterable<Parcel> {
  double get kilos => fold(0, (sum, parcel) => sum + parcel.kilos);
}
