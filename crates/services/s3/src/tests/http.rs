//! Objects over HTTP: what is answered, and what is refused.

use http::Method;

use super::pond;

#[tokio::test]
async fn objects_over_http() {
    let pond = pond();
    assert_eq!(pond.send(Method::PUT, "/bucket", &[], "").await.status, 200);
    let headers = [
        ("content-type", "text/plain"),
        ("x-amz-meta-color", "blue"),
        ("content-md5", "XUFAKrxLKna5cZ2REBfFkg=="),
    ];
    let put = pond.send(Method::PUT, "/bucket/a%20b", &headers, "hello").await;
    assert_eq!(
        (put.status.as_u16(), put.header("etag")),
        (200, "\"5d41402abc4b2a76b9719d911017c592\""),
        "{}",
        put.body
    );
    assert_eq!(put.header("x-amz-checksum-type"), "FULL_OBJECT");
    let get = pond.send(Method::GET, "/bucket/a%20b", &[], "").await;
    assert_eq!((get.status.as_u16(), get.body.as_str()), (200, "hello"));
    assert_eq!((get.header("content-type"), get.header("x-amz-meta-color")), ("text/plain", "blue"));
    assert_eq!(get.header("content-length"), "5");
    let part = pond.send(Method::GET, "/bucket/a%20b", &[("range", "bytes=1-2")], "").await;
    assert_eq!(
        (part.status.as_u16(), part.body.as_str(), part.header("content-range")),
        (206, "el", "bytes 1-2/5")
    );
    let odd = pond.send(Method::GET, "/bucket/a%20b", &[("range", "lines=1")], "").await;
    assert_eq!((odd.status.as_u16(), odd.body.as_str()), (200, "hello"));
    let beyond = pond.send(Method::GET, "/bucket/a%20b", &[("range", "bytes=5-")], "").await;
    assert_eq!(
        (beyond.status.as_u16(), beyond.element("Code"), beyond.element("ActualObjectSize")),
        (416, "InvalidRange", "5")
    );
    let same = [("if-none-match", "\"5d41402abc4b2a76b9719d911017c592\"")];
    let unchanged = pond.send(Method::GET, "/bucket/a%20b", &same, "").await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.as_str()), (304, ""));
    let again = pond.send(Method::PUT, "/bucket/a%20b", &[("if-none-match", "*")], "x").await;
    assert_eq!((again.status.as_u16(), again.element("Condition")), (412, "If-None-Match"));
    let list = pond.send(Method::GET, "/bucket?list-type=2&encoding-type=url", &[], "").await;
    assert_eq!(
        (list.element("Key"), list.element("Size"), list.element("KeyCount")),
        ("a%20b", "5", "1"),
        "{}",
        list.body
    );
    let copied = pond.send(Method::PUT, "/bucket/c", &[("x-amz-copy-source", "/bucket/a%20b")], "").await;
    assert_eq!(copied.status, 200, "{}", copied.body);
    assert_eq!(pond.send(Method::HEAD, "/bucket/c", &[], "").await.header("x-amz-meta-color"), "blue");
    let onto = pond.send(Method::PUT, "/bucket/c", &[("x-amz-copy-source", "/bucket/c")], "").await;
    assert_eq!((onto.status.as_u16(), onto.element("Code")), (400, "InvalidRequest"));
    let delete = "<Delete><Object><Key>a b</Key></Object><Object><Key>c</Key></Object></Delete>";
    let deleted = pond.send(Method::POST, "/bucket?delete", &[], delete).await;
    assert_eq!(
        (deleted.status.as_u16(), deleted.body.matches("<Deleted>").count()),
        (200, 2),
        "{}",
        deleted.body
    );
    assert_eq!(pond.send(Method::DELETE, "/bucket", &[], "").await.status, 204);
}

#[tokio::test]
async fn refusals_over_http() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let long = format!("/bucket/{}", "k".repeat(1_025));
    let (get, put, post) = (Method::GET, Method::PUT, Method::POST);
    for (method, uri, headers, body, status, code) in [
        (get.clone(), "/nowhere/k", &[][..], "", 404, "NoSuchBucket"),
        (get.clone(), "/bucket/k", &[], "", 404, "NoSuchKey"),
        (get.clone(), "/Bad_Name/k", &[], "", 400, "InvalidBucketName"),
        (put.clone(), "/sthree-x", &[], "", 400, "InvalidBucketName"),
        (put.clone(), long.as_str(), &[], "x", 400, "KeyTooLongError"),
        (put.clone(), "/bucket/k", &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")], "x", 400, "BadDigest"),
        (put.clone(), "/bucket/k", &[("content-md5", "?")], "x", 400, "InvalidDigest"),
        (put.clone(), "/bucket/k", &[("x-amz-checksum-crc32", "AAAAAA==")], "x", 400, "BadDigest"),
        (put.clone(), "/bucket/k", &[("x-amz-checksum-crc32", "AA==")], "x", 400, "InvalidRequest"),
        (put.clone(), "/bucket/k", &[("content-length", "9")], "x", 400, "IncompleteBody"),
        (put.clone(), "/bucket/k", &[("content-length", "6000000000")], "x", 400, "EntityTooLarge"),
        (put.clone(), "/bucket/k", &[("x-amz-storage-class", "COLD")], "x", 400, "InvalidStorageClass"),
        (put.clone(), "/bucket/k", &[("x-amz-storage-class", "SNOW")], "x", 501, "NotImplemented"),
        (put.clone(), "/bucket/k", &[("if-match", "abc")], "x", 404, "NoSuchKey"),
        (put.clone(), "/bucket?versioning", &[], "<x/>", 400, "MalformedXML"),
        (post.clone(), "/bucket?delete", &[], "<Delete>", 400, "MalformedXML"),
        (
            post.clone(),
            "/bucket?delete",
            &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")],
            "<Delete/>",
            400,
            "BadDigest",
        ),
        (
            post.clone(),
            "/bucket",
            &[("content-type", "multipart/form-data; boundary=x")],
            "",
            400,
            "IncompleteBody",
        ),
        (get.clone(), "/bucket?policy", &[], "", 404, "NoSuchBucketPolicy"),
        (get.clone(), "/bucket?list-type=2&continuation-token=abc", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket?list-type=2&max-keys=-1", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket/k?versionId=abc", &[], "", 400, "InvalidArgument"),
        (get.clone(), "/bucket/k?uploadId=abc", &[], "", 404, "NoSuchUpload"),
        (put.clone(), "/bucket/k?uploadId=abc&partNumber=0", &[], "x", 400, "InvalidArgument"),
        (get, "/bucket/%ff", &[], "", 400, "InvalidURI"),
    ] {
        let answer = pond.send(method, uri, headers, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.element("Code")),
            (status, code),
            "{uri} {headers:?} {}",
            answer.body
        );
        assert!(!answer.element("Message").is_empty() && !answer.element("RequestId").is_empty(), "{uri}");
    }
    let large = "v".repeat(2_100);
    let answer = pond.send(put, "/bucket/k", &[("x-amz-meta-a", &large)], "x").await;
    assert_eq!(answer.element("Code"), "MetadataTooLarge");
    assert_eq!(pond.rows(), (0, 0, 0, 0), "what is refused leaves nothing");
}

#[tokio::test]
async fn chunked_bodies() {
    let pond = pond();
    pond.send(Method::PUT, "/bucket", &[], "").await;
    let headers = |length: &'static str| {
        [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("x-amz-decoded-content-length", length),
            ("x-amz-trailer", "x-amz-checksum-crc32"),
            ("content-encoding", "aws-chunked"),
        ]
    };
    let body = |sum: &str| format!("5\r\nhello\r\n0\r\nx-amz-checksum-crc32:{sum}\r\n\r\n");
    let put = pond.send(Method::PUT, "/bucket/k", &headers("5"), &body("NhCmhg==")).await;
    assert_eq!((put.status.as_u16(), put.header("x-amz-checksum-crc32")), (200, "NhCmhg=="), "{}", put.body);
    let get = pond.send(Method::GET, "/bucket/k", &[("x-amz-checksum-mode", "ENABLED")], "").await;
    assert_eq!((get.body.as_str(), get.header("content-encoding")), ("hello", ""));
    assert_eq!(get.header("x-amz-checksum-crc32"), "NhCmhg==");
    let wrong = pond.send(Method::PUT, "/bucket/k", &headers("5"), &body("AAAAAA==")).await;
    assert_eq!((wrong.status.as_u16(), wrong.element("Code")), (400, "BadDigest"));
    let short = pond.send(Method::PUT, "/bucket/k", &headers("6"), &body("NhCmhg==")).await;
    assert_eq!((short.status.as_u16(), short.element("Code")), (400, "IncompleteBody"));
}
