//! Asks the gateway with graphql_client and cynic, and watches it with graphql-ws-client; prints one line for each.

use async_tungstenite::tungstenite::{client::IntoClientRequest, http::HeaderValue};
use cynic::{QueryBuilder, SubscriptionBuilder};
use futures::StreamExt;
use graphql_client::GraphQLQuery;

#[derive(GraphQLQuery)]
#[graphql(schema_path = "schema.graphql", query_path = "src/who.graphql", response_derives = "Debug")]
struct WhoAmI;

#[cynic::schema("sivo")]
mod schema {}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Query")]
struct ViewerQuery {
    viewer: Viewer,
}

#[derive(cynic::QueryFragment, Debug)]
struct Viewer {
    role: ApiKeyRole,
}

#[derive(cynic::Enum, Clone, Copy, Debug)]
#[cynic(graphql_type = "Role")]
enum ApiKeyRole {
    Operator,
    Publisher,
    Admin,
    Viewer,
}

#[derive(cynic::QueryFragment, Debug)]
#[cynic(graphql_type = "Subscription")]
struct Watch {
    delivery_updates: DeliveryUpdateBatch,
}

#[derive(cynic::QueryFragment, Debug)]
struct DeliveryUpdateBatch {
    resync_required: bool,
}

async fn post<T: serde::de::DeserializeOwned>(url: &str, token: &str, body: impl serde::Serialize) -> T {
    let request = reqwest::Client::new().post(url).bearer_auth(token).json(&body);
    request.send().await.unwrap().json().await.unwrap()
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let (url, token) = (format!("{}/graphql", arguments[1]), &arguments[2]);

    let asked = WhoAmI::build_query(who_am_i::Variables {});
    let answer: graphql_client::Response<who_am_i::ResponseData> = post(&url, token, asked).await;
    println!("graphql_client query {:?}", answer.data.unwrap().viewer.role);

    let answer: cynic::GraphQlResponse<ViewerQuery> = post(&url, token, ViewerQuery::build(())).await;
    println!("cynic query {:?}", answer.data.unwrap().viewer.role);

    let refused = WhoAmI::build_query(who_am_i::Variables {});
    let answer: graphql_client::Response<who_am_i::ResponseData> = post(&url, "sivo_unknown", refused).await;
    println!("graphql_client 401 {:?}", answer.errors.unwrap()[0].extensions.as_ref().unwrap()["code"]);

    let bearer = format!("Bearer {token}");
    for in_header in [true, false] {
        let mut request = url.replace("http", "ws").into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
        if in_header {
            headers.insert("authorization", HeaderValue::from_str(&bearer).unwrap());
        }
        let (connection, _) = async_tungstenite::tokio::connect_async(request).await.unwrap();
        let client = graphql_ws_client::Client::build(connection);
        let client = if in_header { client } else { client.payload(serde_json::json!({ "authorization": bearer })).unwrap() };
        let mut stream = client.subscribe(Watch::build(())).await.unwrap();
        let batch = stream.next().await.unwrap().unwrap().data.unwrap();
        println!("graphql-ws-client subscription {in_header} {}", batch.delivery_updates.resync_required);
    }
}
