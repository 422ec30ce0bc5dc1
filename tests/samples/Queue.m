#import <Foundation/Foundation.h>

#define MAX_ATTEMPTS 3

typedef NS_ENUM(NSInteger, DPTCare) {
    DPTCareFragile,
    DPTCareTwoPeople,
};

@class DPTParcel;

@protocol DPTVehicle <NSObject>
- (void)loadParcel:(DPTParcel *)parcel;
@end

/// A parcel that waits for a van.
@interface DPTParcel : NSObject
@property (nonatomic) double kilos;
- (BOOL)isHeavy;
@end

@implementation DPTParcel

- (BOOL)isHeavy {
    return self.kilos > 31.5;
}

@end

@implementation DPTQueue {
    NSMutableArray<DPTParcel *> *_waiting;
}

+ (instancetype)sharedQueue {
    static DPTQueue *queue;
    return queue;
}

// Puts a parcel off until the next working day.
- (BOOL)postponeParcel:(DPTParcel *)parcel
              attempts:(NSInteger)attempts {
    if (attempts >= MAX_ATTEMPTS) {
        return [self sendBack:parcel];
    }
    [_waiting addObject:parcel];
    return YES;
}

@end

static double kilosOf(NSArray<DPTParcel *> *parcels) {
    return [[parcels valueForKeyPath:@"@sum.kilos"] doubleValue];
}
