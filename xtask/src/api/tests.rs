//! A small model through plan and render: what refusals, recursion and constraints become.

use super::*;

const MODEL: &str = r#"{
  "metadata": {"endpointPrefix": "pond", "protocol": "json", "jsonVersion": "1.1", "targetPrefix": "Pond_1", "apiVersion": "1"},
  "operations": {
    "PutTree": {"input": {"shape": "PutTreeRequest"}, "output": {"shape": "PutTreeResponse"}},
    "Ping": {}
  },
  "shapes": {
    "PutTreeRequest": {"type": "structure", "required": ["TreeARN"], "members": {
      "TreeARN": {"shape": "Arn"}, "Root": {"shape": "Node"}, "Colour": {"shape": "colour"}, "Ghost": {"shape": "Arn"}}},
    "PutTreeResponse": {"type": "structure", "members": {"At": {"shape": "Date"}, "Root": {"shape": "Node"}}},
    "Node": {"type": "structure", "required": ["Kind"], "members": {
      "Kind": {"shape": "colour"}, "left": {"shape": "Node"}, "Children": {"shape": "Nodes"}, "Secret": {"shape": "Arn"}}},
    "Nodes": {"type": "list", "member": {"shape": "Node"}, "max": 5},
    "Arn": {"type": "string", "min": 1, "max": 9, "pattern": "\\w+", "sensitive": true},
    "colour": {"type": "string", "enum": ["RED", "dark-blue"]},
    "Date": {"type": "timestamp"},
    "GoneException": {"type": "structure", "members": {"Message": {"shape": "Arn"}}, "exception": true},
    "DownException": {"type": "structure", "members": {}, "exception": true, "fault": true}
  }
}"#;

fn generated(api: &str) -> Result<BTreeMap<&'static str, String>> {
    let model: Model = serde_json::from_str(MODEL)?;
    let wanted: Wanted = toml::from_str(&format!("service = \"pond\"\nversion = \"1\"\n{api}"))?;
    let plan = plan::plan(&model, &wanted)?;
    Ok(render::render(&model, &wanted, &plan)?.into_iter().collect())
}

#[test]
fn types_and_tables_say_what_the_model_says() {
    let api = "[operations]\nPing = {}\nPutTree = { refuse = [\"Ghost\", \"Root.Children.Secret\"] }\n";
    let files = generated(api).unwrap();
    for (file, lines) in [
        (
            "mod.rs",
            vec![
                r#"Protocol::AwsJson { version: "1.1", target_prefix: "Pond_1", message_member: "Message" }"#,
                r#"pub const PUT_TREE: &str = "PutTree";"#,
                r#"[("DownException", 500), ("GoneException", 400), ]"#,
            ],
        ),
        (
            "types.rs",
            vec![
                "#[derive(Debug, Clone, PartialEq, Default, Deserialize)]\npub struct PingInput {}",
                "#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]\n#[serde(rename_all = \"PascalCase\")]\npub struct Node {",
                "#[serde(rename = \"TreeARN\")]\npub tree_arn: String,",
                "pub kind: Colour,\n#[serde(rename = \"left\")]\npub left: Option<Box<Node>>,\npub children: Option<Vec<Node>>,\n}",
                "pub root: Option<Node>,\npub colour: Option<Colour>,\n}",
                "pub enum Colour {\nRed = \"RED\",\nDarkBlue = \"dark-blue\",\n}",
                "use millpond_core::Timestamp;\n",
            ],
        ),
        (
            "shapes.rs",
            vec![
                r#"Member::required("TreeARN", &ARN)"#,
                r#"Member::refused("Ghost")"#,
                r#"Member::optional("left", &NODE)"#,
                r#"Member::refused("Secret")"#,
                "static NODES: Shape = Shape::List { member: &NODE, length: Length::new(0, 5) };",
                r#"Pattern::new("\\w+", "[0-9A-Za-z_]+", None)"#,
                "sensitive: true, ..Text::ANY",
                "values: Colour::TEXTS",
                "impl Shaped for PingInput {\nconst SHAPE: &'static Shape = &Shape::Structure(&[]);\n}",
                r#"const SECRETS: &'static [&'static str] = &["Ghost", "Secret", "TreeARN"];"#,
            ],
        ),
    ] {
        for line in lines {
            assert!(files[file].contains(line), "{file} lacks {line}:\n{}", files[file]);
        }
    }
    assert!(!files["types.rs"].contains("ghost") && !files["types.rs"].contains("secret"));
}

#[test]
fn a_list_that_the_model_does_not_bear_out_is_refused() {
    for (api, why) in [
        ("[operations]\nFly = {}", "no operation Fly"),
        ("[operations]\nPutTree = { refuse = [\"Leaf\"] }", "no member Leaf"),
        ("[operations]\nPutTree = { refuse = [\"TreeARN\"] }", "cannot be refused"),
        ("[operations]\nPing = { refuse = [\"A\"] }", "no input"),
        ("[operations]\nPing = {}\n[leave_out]\nNode = [\"Secret\"]", "no operation reaches Node"),
        ("[operations]\nPing = { refuses = [] }", "unknown field"),
    ] {
        let error = generated(api).map(|_| ()).unwrap_err();
        assert!(format!("{error:#}").contains(why), "{api}: {error:#}");
    }
}
