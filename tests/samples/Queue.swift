import Foundation

/// How urgent an upload is; the raw value orders the queue.
public enum Urgency: Int, Comparable, CaseIterable {
    case background = 0
    case visible
    case waitingUser

    public static func < (lhs: Urgency, rhs: Urgency) -> Bool { lhs.rawValue < rhs.rawValue }
}

public enum UploadError: Error, Equatable {
    case offline
    case refused(status: Int)
}

/// Sends photos somewhere.
public protocol Uploader: AnyObject {
    associatedtype Receipt
    var name: String { get }
    func upload(_ photo: Photo) async throws -> Receipt
}

public struct Photo: Identifiable, Hashable {
    public let id: UUID
    public var datei: URL
    public var urgency: Urgency = .background
    fileprivate(set) var attempts = 0

    public init(datei: URL, urgency: Urgency = .background) {
        self.id = UUID()
        self.datei = datei
        self.urgency = urgency
    }
}

private let maxAttempts = 5
let hinweis = "Fotos werden geladen, sobald wieder eine Verbindung da ist – das kann in den Bergen ein wenig dauern 🏔️"

public typealias Completion = (Result<Photo, UploadError>) -> Void

/// Photos that wait for a connection.
///
/// Uploads run one at a time; a photo that the server refuses is not sent again.
@MainActor
public final class UploadQueue<Service: Uploader> {
    private let service: Service
    private var waiting: [Photo] = []
    private(set) var lost: [(photo: Photo, error: UploadError)] = []
    public var onFinish: Completion?

    static var defaultPause: Duration { .seconds(2) }

    public var count: Int {
        waiting.count
    }

    public init(service: Service) {
        self.service = service
    }

    deinit {
        NotificationCenter.default.removeObserver(self)
    }

    @discardableResult
    public func push(_ url: URL, urgency: Urgency = .background) -> Photo.ID {
        let photo = Photo(datei: url, urgency: urgency)
        // Binary search: the queue of a long hike holds thousands.
        var low = 0
        var high = waiting.count
        while low < high {
            let middle = (low + high) / 2
            if waiting[middle].urgency >= urgency { low = middle + 1 } else { high = middle }
        }
        waiting.insert(photo, at: low)
        return photo.id
    }

    public func run() async {
        while !waiting.isEmpty {
            var photo = waiting.removeFirst()
            photo.attempts += 1
            do {
                _ = try await service.upload(photo)
                onFinish?(.success(photo))
            } catch let error as UploadError {
                await settle(photo, error)
            } catch {
                await settle(photo, .offline)
            }
        }
    }

    private func settle(_ photo: Photo, _ error: UploadError) async {
        func pause(after attempts: Int) -> Duration {
            Self.defaultPause * (1 << min(attempts, 6))
        }
        guard error == .offline, photo.attempts < maxAttempts else {
            lost.append((photo, error))
            onFinish?(.failure(error))
            return
        }
        try? await Task.sleep(for: pause(after: photo.attempts))
        waiting.append(photo)
    }

    subscript(id: Photo.ID) -> Photo? {
        waiting.first { $0.id == id }
    }
}

extension UploadQueue: CustomStringConvertible {
    public nonisolated var description: String { "UploadQueue" }

    @available(iOS 16, macOS 13, *)
    func summary(locale: Locale = .current) -> String {
        let names = lost.map { $0.photo.datei.lastPathComponent }.sorted()
        return names.isEmpty ? hinweis : names.joined(separator: ", ")
    }
}
